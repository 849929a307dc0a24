import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readCommandLine } from '../../src/procfs/command-line.ts';

const procfs = mkdtempSync(join(tmpdir(), 'huatuo-command-line-'));
after(() => rmSync(procfs, { recursive: true }));

function process(pid: number, cmdline: string): void {
  mkdirSync(join(procfs, String(pid)));
  writeFileSync(join(procfs, String(pid), 'cmdline'), cmdline);
  writeFileSync(join(procfs, String(pid), 'comm'), 'shop\n');
}

test('arguments are told apart by a space, also an empty one, and what sets its title has no end of spaces', () => {
  process(1, 'java\0-jar\0\0shop.jar\0');
  process(2, 'postgres: checkpointer\0\0\0\0\0');
  assert.equal(readCommandLine(procfs, 1, 'shop'), 'java -jar  shop.jar');
  assert.equal(readCommandLine(procfs, 2, 'shop'), 'postgres: checkpointer');
});

test('a long one is cut; a process that is gone, or has given its memory back, has none', () => {
  process(3, `${'x'.repeat(1 << 16)}\0`);
  process(4, '');
  process(7, 'é'.repeat(1 << 8));
  assert.equal(readCommandLine(procfs, 3, 'shop'), 'x'.repeat(127));
  assert.equal(readCommandLine(procfs, 7, 'shop'), 'é'.repeat(63), 'not within a character');
  assert.deepEqual(
    [readCommandLine(procfs, 4, 'shop'), readCommandLine(procfs, 5, 'shop')],
    [undefined, undefined],
  );
});

test('a number that another process has by now says nothing', () => {
  process(6, 'cat\0');
  assert.equal(readCommandLine(procfs, 6, 'shopper'), undefined);
});
