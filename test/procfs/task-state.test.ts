import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { countTasks, parseTaskState } from '../../src/procfs/task-state.ts';

let directory: string;
let sleeper: ChildProcess;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'huatuo-tasks-'));
  sleeper = spawn('sleep', ['60']);
});
after(() => {
  sleeper.kill();
  rmSync(directory, { recursive: true });
});

test('the state follows the last parenthesis, whatever the name is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('R', 'S', 'D', 'Z'), (comm, state) => {
      assert.equal(parseTaskState(`17 (${comm}) ${state} 1 2 3`), state);
    }),
  );
});

test('cut text has no state', () => {
  for (const text of ['', '17', '17 (a', '17 (a)', '17 (a) ', ')'])
    assert.equal(parseTaskState(text), undefined);
});

test('tasks of a cgroup and those below it are counted by state', () => {
  const procfs = join(directory, 'proc');
  const states = { 101: 'R', 102: 'D', 103: 'S', 104: 'R' };
  for (const [tid, state] of Object.entries(states)) {
    mkdirSync(join(procfs, tid, 'task', tid), { recursive: true });
    writeFileSync(join(procfs, tid, 'task', tid, 'stat'), `${tid} (x) R) ${state} 1\n`);
  }
  const cgroup = join(directory, 'cgroup');
  mkdirSync(join(cgroup, 'inner', 'deeper'), { recursive: true });
  writeFileSync(join(cgroup, 'cgroup.threads'), '101\n102\n');
  writeFileSync(join(cgroup, 'inner', 'deeper', 'tasks'), '103\n104\n105\n../../etc\n');

  assert.deepEqual(countTasks(procfs, cgroup, 100), { running: 2, uninterruptible: 1, read: 5 });
  assert.deepEqual(countTasks(procfs, cgroup, 1), { running: 1, uninterruptible: 0, read: 1 });
});

test('a real sleeping process is neither running nor uninterruptible', () => {
  const cgroup = join(directory, 'real');
  mkdirSync(cgroup);
  writeFileSync(join(cgroup, 'tasks'), `${sleeper.pid}\n`);
  assert.deepEqual(countTasks('/proc', cgroup, 10), { running: 0, uninterruptible: 0, read: 1 });
});

test('a cgroup that is gone has no tasks', () => {
  assert.deepEqual(countTasks('/proc', join(directory, 'gone'), 10), {
    running: 0,
    uninterruptible: 0,
    read: 0,
  });
});
