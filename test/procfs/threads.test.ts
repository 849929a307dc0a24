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
  assert.deepEqual(readThreads(host.directory, 10), [
    { pid: 7, tid: 7, comm: 'a) D (b\n', state: 'D' },
    { pid: 7, tid: 8, comm: 'second', state: 'R' },
    { pid: 9, tid: 9, comm: 'task', state: 'S' },
  ]);
  assert.equal(readThreads(host.directory, 2).length, 2);
});
