import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { addressSpaceLimit } from '../../src/procfs/own-limits.ts';

test('a limit of address space is known in bytes; none, and a file that is not there, are no limit', () => {
  const module = new URL('../../src/procfs/own-limits.js', import.meta.url).href;
  const script = `process.stdout.write(String((await import(${JSON.stringify(module)})).addressSpaceLimit()))`;
  const limited = (limit: string): string =>
    execFileSync('prlimit', [`--as=${limit}`, process.execPath, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
  assert.equal(limited('64000000000'), '64000000000');
  assert.equal(limited('unlimited'), 'undefined');
  assert.equal(addressSpaceLimit('/nonexistent'), undefined);
});
