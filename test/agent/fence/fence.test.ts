import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { threadId } from '../../../src/actor/thread.ts';
import { CpuCgroups } from '../../../src/agent/fence/cgroup.ts';
import { CpuFence } from '../../../src/agent/fence/fence.ts';
import { affinity, nice, setAffinity, setNice } from '../../../src/kernel/sched.ts';
import type { Log } from '../../../src/sdk/context.ts';

describe('the fence around a thread', () => {
  const tid = threadId();
  const all = affinity(tid);
  const own = nice(tid);
  const cgroups = new CpuCgroups({ kind: 'none', reason: 'none for this test' }, '/proc');
  const warnings: string[] = [];
  const log: Log = { debug() {}, info() {}, warn: (message) => warnings.push(message), error() {} };

  afterEach(() => {
    setAffinity(tid, all);
    setNice(tid, own);
    warnings.length = 0;
  });

  test('is not there when nobody asked for it', () => {
    const fence = new CpuFence('oom', { affinity: [], nice: 0, quota_cores: undefined }, cgroups, log);
    fence.apply(tid);
    assert.deepEqual(fence.status, {});
  });

  test('stands as far as it can be had', () => {
    const [first = 0] = all;
    using fence = new CpuFence('oom', { affinity: [first], nice: 5, quota_cores: 0.5 }, cgroups, log);
    fence.apply(tid);
    const { affinity: cpus, nice: priority, quota } = fence.status;
    assert.deepEqual([cpus, priority], [{ in_force: true }, { in_force: true }]);
    assert.deepEqual(affinity(tid), [first]);
    assert.equal(nice(tid), 5);
    assert.equal(quota?.in_force === false && quota.reason.code, 'SYSCALL_FAILED');
  });

  test('says once what it lacks, and reports it each time', () => {
    using fence = new CpuFence('oom', { affinity: [4095], nice: 0, quota_cores: 0.5 }, cgroups, log);
    for (let thread = 0; thread < 2; thread++) {
      fence.apply(tid);
      assert.deepEqual([fence.status.affinity?.in_force, fence.status.quota?.in_force], [false, false]);
    }
    assert.deepEqual(warnings, [
      'oom runs without the CPU affinity it was given',
      'oom runs without the CPU quota it was given',
    ]);
  });
});
