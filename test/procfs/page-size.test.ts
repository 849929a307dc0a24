import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { endianness } from 'node:os';
import { test } from 'node:test';
import { pageSize, parsePageSize } from '../../src/procfs/page-size.ts';

function auxv(...words: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(8 * words.length);
  for (const [index, word] of words.entries())
    if (endianness() === 'LE') bytes.writeBigUInt64LE(word, 8 * index);
    else bytes.writeBigUInt64BE(word, 8 * index);
  return bytes;
}

test('the page size is the value of type 6', () => {
  assert.equal(parsePageSize(auxv(33n, 6n, 6n, 65536n, 0n, 0n)), 65536);
});

test('a vector without it, or cut in the middle, says nothing', () => {
  assert.equal(parsePageSize(auxv(33n, 1n, 0n, 0n)), undefined);
  assert.equal(parsePageSize(auxv(33n, 1n, 6n)), undefined);
});

test('of this host it is what the C library says', () => {
  assert.equal(pageSize('/proc'), Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })));
});

test('where procfs does not tell it is the usual one', () => {
  assert.equal(pageSize('/nonexistent'), 4096);
});
