import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CpuCgroups } from '../../../src/agent/fence/cgroup.ts';
import { findQuotaParent, type QuotaParent } from '../../../src/agent/fence/quota-parent.ts';

describe('the place for quotas', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'huatuo-cgroup-'));
    mkdirSync(join(root, 'proc/self'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** A host with these hierarchies mounted below `root`. */
  function place(mounts: readonly string[], own: string, environment: NodeJS.ProcessEnv = {}): QuotaParent {
    writeFileSync(join(root, 'proc/self/mountinfo'), mounts.map((line) => `${line}\n`).join(''));
    writeFileSync(join(root, 'proc/self/cgroup'), own);
    return findQuotaParent(join(root, 'proc'), environment);
  }

  const v1 = (from = '/'): string => `30 1 0:1 ${from} ${root}/cpu rw - cgroup cgroup rw,cpu,cpuacct`;
  const v2 = (): string => `31 1 0:2 / ${root}/unified rw - cgroup2 cgroup2 rw`;

  function directory(path: string, files: Readonly<Record<string, string>>): string {
    mkdirSync(join(root, path), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, path, name), text);
    return join(root, path);
  }

  test('is below the group the agent was started in', () => {
    const path = directory('cpu/system.slice/huatuo.service', { 'cpu.cfs_quota_us': '-1' });
    const own = '4:cpu,cpuacct:/system.slice/huatuo.service\n0::/\n';
    assert.deepEqual(place([v2(), v1()], own), { kind: 'v1', path });
  });

  test('is what a container sees of it', () => {
    const path = directory('cpu', { 'cpu.cfs_quota_us': '-1' });
    const own = '4:cpu,cpuacct:/docker/abc\n';
    assert.deepEqual(place([v1('/docker/abc')], own), { kind: 'v1', path });
    assert.deepEqual(place([v1('/docker/other')], own), { kind: 'v1', path });
  });

  test('is in v2 where the cpu controller has been delegated', () => {
    const path = directory('unified/huatuo.service', { 'cgroup.controllers': 'cpuset cpu io\n' });
    assert.deepEqual(place([v2()], '0::/huatuo.service\n'), { kind: 'v2', path });
  });

  test('is in v2 the subgroup that systemd has started the agent in, where the unit has the controller', () => {
    directory('unified/huatuo.service', { 'cgroup.controllers': 'cpu\n' });
    const path = directory('unified/huatuo.service/agent', { 'cgroup.controllers': '\n' });
    const own = '0::/huatuo.service/agent\n';
    assert.deepEqual(place([v2()], own, { INVOCATION_ID: '1' }), { kind: 'v2', path });
    assert.equal(place([v2()], own).kind, 'none', 'a group of that name means nothing outside of systemd');
  });

  test('is nowhere when it was not delegated, is not in the kernel or is not mounted', () => {
    directory('unified', { 'cgroup.controllers': 'memory cpuset\n' });
    directory('cpu', {});
    const reason = (mounts: string[]): string => {
      const found = place(mounts, '4:cpu:/\n0::/\n');
      return found.kind === 'none' ? found.reason : found.path;
    };
    assert.match(reason([v2()]), /not delegated .* Delegate=cpu/);
    assert.match(reason([v1()]), /no CFS bandwidth control/);
    assert.equal(reason([]), 'no cgroup file system is mounted');
  });

  test('that is nowhere is the reason every quota is refused with', () => {
    const cgroups = new CpuCgroups({ kind: 'none', reason: 'sold out' }, '/proc');
    assert.throws(() => cgroups.limit('one', 0.5, process.pid), { message: /found sold out;/ });
    cgroups.remove('one');
    cgroups[Symbol.dispose]();
  });
});
