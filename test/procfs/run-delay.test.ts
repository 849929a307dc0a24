import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { allowedCpus, readRunDelay } from '../../src/procfs/run-delay.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

function task(proc: FixtureProc, id: number, schedstat: string, cpus: string): void {
  proc.write(`${id}/schedstat`, schedstat);
  proc.write(
    `${id}/status`,
    `Name:\tx\\nCpus_allowed_list:\t9\nCpus_allowed:\tff\nCpus_allowed_list:\t${cpus}\n`,
  );
}

test('waits are the sums over the tasks of a cgroup and of those below it that still live', () => {
  using proc = new FixtureProc();
  const cgroup = proc.write('cg/tasks', '7\n8\n9\n');
  proc.write('cg/below/tasks', '10\n');
  task(proc, 7, '1000 50 3\n', '0-1');
  task(proc, 8, '2000 60 3\n', '0');
  task(proc, 10, '4000 70 3\n', '5,8-9');
  assert.deepEqual(readRunDelay(proc.directory, cgroup), { run_ns: 7000, wait_ns: 180, tasks: 3 });
  proc.write('devices/system/cpu/online', '0-8,31\n');
  assert.deepEqual(allowedCpus(proc.directory, proc.directory, cgroup), [0, 1, 5, 8]);
});

test('of v2, threads are listed by another file', () => {
  using proc = new FixtureProc();
  const cgroup = proc.write('cg/cgroup.threads', '7\n');
  task(proc, 7, '1 2 3\n', '0');
  assert.deepEqual(readRunDelay(proc.directory, cgroup), { run_ns: 1, wait_ns: 2, tasks: 1 });
});

test('without tasks, or where the kernel does not account, there is nothing', () => {
  using proc = new FixtureProc();
  assert.equal(readRunDelay(proc.directory, join(proc.directory, 'gone')), undefined);
  const cgroup = proc.write('cg/tasks', '7\n');
  assert.equal(readRunDelay(proc.directory, cgroup), undefined);
  assert.deepEqual(allowedCpus(proc.directory, proc.directory, cgroup), []);
});

test('the kernel says of this process how long it has run', () => {
  using proc = new FixtureProc();
  const found = readRunDelay('/proc', proc.write('cg/tasks', `${process.pid}\n`));
  assert.ok(found && found.run_ns > 0 && found.tasks === 1);
});
