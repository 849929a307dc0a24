import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readThreads } from '../../src/procfs/threads.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('every thread of every process is there, with a name that may hold anything, and no more than asked for', () => {
  using host = new FixtureProc();
  host.add({ pid: 7, comm: 'a) D (b\n', state: 'D' });
  host.write('7/task/8/stat', '8 (second) R 1 2 3\n');
  host.add({ pid: 9 });
  // Has ended meanwhile, or is cut.
  host.write('9/task/10/stat', '');
  host.write('self/task/1/stat', '1 (not one) R 1\n');
  assert.deepEqual(readThreads(host.directory, 10, () => false).threads, [
    { pid: 7, tid: 7, comm: 'a) D (b\n', state: 'D' },
    { pid: 7, tid: 8, comm: 'second', state: 'R' },
    { pid: 9, tid: 9, comm: 'task', state: 'S' },
  ]);
});

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
