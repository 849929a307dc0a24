import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  countProcesses,
  parseThreads,
  readCgroupPids,
  readHostLimits,
} from '../../src/procfs/process-limits.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('what there is on the host, and what there may be', () => {
  using proc = new FixtureProc();
  proc.write('loadavg', '3.39 4.57 3.50 2/170 6352\n');
  proc.write('sys/kernel/threads-max', '192730\n');
  proc.write('sys/kernel/pid_max', '32768\n');
  // Without a limit the kernel prints 2^63 - 1.
  proc.write('sys/fs/file-nr', '1010\t0\t9223372036854775807\n');
  assert.deepEqual(readHostLimits(proc.directory), {
    threads: 170,
    maxThreads: 192730,
    maxPids: 32768,
    files: 1010,
    maxFiles: 2 ** 63,
  });
});

test('what the kernel does not say is absent', () => {
  using proc = new FixtureProc();
  proc.write('loadavg', '3.39 4.57\n');
  assert.deepEqual(readHostLimits(proc.directory), {});
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.ok((parseThreads(text) ?? 0) >= 0);
    }),
  );
});

test('processes are the directories whose names are numbers', () => {
  using proc = new FixtureProc();
  for (const name of ['1/stat', '4711/stat', 'self/stat', 'sys/x', '1x/y']) proc.write(name, '');
  assert.equal(countProcesses(proc.directory), 2);
});

test('threads of a cgroup, v1 and v2', () => {
  using proc = new FixtureProc();
  proc.write('v1/pids.current', '12\n');
  proc.write('v1/pids.max', 'max\n');
  const pids = proc.write('v1/pids.events', 'max 0\n');
  proc.write('v2/pids.current', '99\n');
  proc.write('v2/pids.max', '100\n');
  const unified = proc.write('v2/pids.events', 'max 3\n');
  assert.deepEqual(readCgroupPids({ pids, unified }), { current: 12, refused: 0 });
  assert.deepEqual(readCgroupPids({ unified }), { current: 99, max: 100, refused: 3 });
  assert.equal(readCgroupPids({ memory: pids }), undefined);
  assert.equal(readCgroupPids({ pids: `${pids}/gone` }), undefined);
});
