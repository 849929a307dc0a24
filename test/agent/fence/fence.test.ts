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
    const part = { state: 'not_asked' };
    assert.deepEqual(fence.apply(tid), { affinity: part, nice: part, quota: part });
  });

  test('stands as far as it can be had', () => {
    const [first = 0] = all;
    using fence = new CpuFence('oom', { affinity: [first], nice: 5, quota_cores: 0.5 }, cgroups, log);
    const report = fence.apply(tid);
    assert.deepEqual(report.affinity, { state: 'applied', value: String(first) });
    assert.deepEqual(report.nice, { state: 'applied', value: '5' });
    assert.deepEqual(affinity(tid), [first]);
    assert.equal(nice(tid), 5);
    assert.equal(report.quota.state === 'failed' && report.quota.error.code, 'SYSCALL_FAILED');
  });

  test('says once what it lacks, and reports it each time', () => {
    using fence = new CpuFence('oom', { affinity: [4095], nice: 0, quota_cores: 0.5 }, cgroups, log);
    const reports = [fence.apply(tid), fence.apply(tid)];
    assert.deepEqual(
      reports.map(({ affinity, quota }) => [affinity.state, quota.state]),
      Array(2).fill(['failed', 'failed']),
    );
    assert.deepEqual(warnings, [
      'oom runs without the CPU affinity it was given',
      'oom runs without the CPU quota it was given',
    ]);
  });
});
