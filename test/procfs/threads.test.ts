import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readThreads } from '../../src/procfs/threads.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('where there are more threads than may be looked at, those that matter most come first', () => {
  using proc = new FixtureProc();
  for (let pid = 1; pid <= 12; pid++) proc.add({ pid, comm: `task-${pid}`, state: 'S' });
  const read = (limit: number): unknown => {
    const { threads, cut } = readThreads(proc.directory, limit, (pid) => pid > 10);
    return [threads.map(({ pid }) => pid), cut];
  };
  assert.deepEqual(read(4), [[11, 12, 1, 2], 8]);
  assert.deepEqual(read(1), [[11], 11]);
  assert.deepEqual(read(12), [[11, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0]);
});
