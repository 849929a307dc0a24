import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { CpuCgroups, findQuotaParent, type QuotaParent } from '../../src/agent/fence/cgroup.ts';
import { parseMountinfo, readMountinfo } from '../../src/procfs/mountinfo.ts';

/** No process has this id (PID_MAX_LIMIT is 2^22). */
const DEAD_PID = (1 << 22) + 1;
const here = findQuotaParent('/proc');
const unified = parseMountinfo(readMountinfo('/proc')).find(({ type }) => type === 'cgroup2')?.mountPoint;

function tasks(path: string): string[] {
  return readFileSync(join(path, 'tasks'), 'utf8').split('\n').filter(Boolean);
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('a CPU quota in a v1 hierarchy', { skip: here.kind !== 'v1' && 'no cpu controller of v1' }, () => {
  const parent = here.kind === 'none' ? '' : here.path;
  const group = join(parent, `huatuo-${process.pid}`);

  test('holds a thread back, and each new one of the collector', async () => {
    using cgroups = new CpuCgroups(here, '/proc');
    const spin = `
      const { workerData } = require('node:worker_threads');
      require('node:worker_threads').parentPort.postMessage(
        Number(require('node:fs').readlinkSync('/proc/thread-self').split('/').at(-1)));
      while (Atomics.load(new Int32Array(workerData), 0) === 0);`;
    for (let life = 0; life < 2; life++) {
      const stop = new SharedArrayBuffer(4);
      const worker = new Worker(spin, { eval: true, workerData: stop });
      const [tid] = (await once(worker, 'message')) as [number];
      const path = cgroups.limit('busy', 0.05, tid);
      assert.equal(path, join(group, 'busy'));
      assert.ok(tasks(path).includes(String(tid)));
      const throttled = (): number =>
        Number(/nr_throttled (\d+)/.exec(readFileSync(join(path, 'cpu.stat'), 'utf8'))?.[1]);
      const before = throttled();
      while (throttled() === before) await sleep(20);
      Atomics.store(new Int32Array(stop), 0, 1);
      await once(worker, 'exit');
    }
  });

  test('is written as quota and period, tiny shares over a longer one', () => {
    const child = spawn('sleep', ['60']);
    using cgroups = new CpuCgroups(here, '/proc');
    const read = (path: string): string[] =>
      ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((file) => readFileSync(join(path, file), 'utf8').trim());
    assert.deepEqual(read(cgroups.limit('one', 1.5, child.pid ?? 0)), ['150000', '100000']);
    assert.deepEqual(read(cgroups.limit('one', 0.002, child.pid ?? 0)), ['2000', '1000000']);
    assert.deepEqual(read(cgroups.limit('one', 0.2, child.pid ?? 0)), ['20000', '100000']);
    child.kill('SIGKILL');
  });

  test('is taken away with threads still in it, which go back to the agent', async () => {
    const child = spawn('sleep', ['60']);
    const pid = child.pid ?? 0;
    const cgroups = new CpuCgroups(here, '/proc');
    cgroups.limit('one', 0.5, pid);
    cgroups.limit('two', 0.5, pid);
    cgroups.remove('two');
    assert.equal(existsSync(join(group, 'two')), false);
    assert.ok(tasks(parent).includes(String(pid)));
    cgroups.limit('one', 0.5, pid);
    cgroups[Symbol.dispose]();
    assert.equal(existsSync(group), false);
    cgroups[Symbol.dispose]();
    await ended(child);
  });

  test('names what the kernel refused', () => {
    using cgroups = new CpuCgroups(here, '/proc');
    assert.throws(() => cgroups.limit('one', 0.5, DEAD_PID), { code: 'SYSCALL_FAILED', message: /ESRCH/ });
  });

  test('leaves nothing of an agent that was killed', () => {
    const stale = join(parent, `huatuo-${DEAD_PID}`);
    mkdirSync(join(stale, 'oom'), { recursive: true });
    new CpuCgroups(here, '/proc');
    assert.equal(existsSync(stale), false);
  });

  test('leaves a group alone that has a thread in it, or whose agent lives', async () => {
    const sleeper = spawn('sleep', ['60']);
    const busy = join(parent, `huatuo-${DEAD_PID}`, 'oom');
    mkdirSync(busy, { recursive: true });
    writeFileSync(join(busy, 'tasks'), String(sleeper.pid), { flag: 'r+' });
    const script = `require('node:fs').writeFileSync('/proc/self/comm', 'huatuo'); console.log(); setInterval(() => {}, 1e6);`;
    const agent = spawn(process.execPath, ['-e', script]);
    await once(agent.stdout, 'data');
    const living = join(parent, `huatuo-${agent.pid}`);
    mkdirSync(living);
    try {
      new CpuCgroups(here, '/proc');
      assert.ok(existsSync(busy) && existsSync(living));
    } finally {
      await Promise.all([ended(sleeper), ended(agent)]);
      new CpuCgroups(here, '/proc');
    }
    assert.ok(!existsSync(busy) && !existsSync(living));
  });
});

test('a v2 hierarchy without the cpu controller refuses, and nothing is left', {
  skip: unified === undefined && 'no cgroup2',
}, (context) => {
  const root = unified ?? '';
  if (readFileSync(join(root, 'cgroup.controllers'), 'utf8').split(/\s/).includes('cpu'))
    return context.skip('it has the cpu controller');
  const cgroups = new CpuCgroups({ kind: 'v2', path: root }, '/proc');
  assert.throws(() => cgroups.limit('one', 0.5, process.pid), { code: 'SYSCALL_FAILED' });
  // It went as far as making a threaded group.
  const group = join(root, `huatuo-${process.pid}`);
  assert.equal(readFileSync(join(group, 'cgroup.type'), 'utf8'), 'threaded\n');
  cgroups[Symbol.dispose]();
  assert.equal(existsSync(group), false);
});

describe('the parent for quotas', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'huatuo-cgroup-'));
    mkdirSync(join(root, 'proc/self'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** A host with these hierarchies mounted below `root`. */
  function place(mounts: readonly string[], own: string): QuotaParent {
    writeFileSync(join(root, 'proc/self/mountinfo'), mounts.map((line) => `${line}\n`).join(''));
    writeFileSync(join(root, 'proc/self/cgroup'), own);
    return findQuotaParent(join(root, 'proc'));
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
