import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { CpuCgroups } from '../../../src/agent/fence/cgroup.ts';
import { findQuotaParent } from '../../../src/agent/fence/quota-parent.ts';
import { parseMountinfo, readMountinfo } from '../../../src/procfs/mountinfo.ts';
import { tempDirectory } from '../../storage/journal/fixture.ts';
import { skipWithoutRoot } from '../../support/kernel.ts';

/** No process has this id (PID_MAX_LIMIT is 2^22). */
const DEAD_PID = (1 << 22) + 1;
const notRoot = skipWithoutRoot();
const here = findQuotaParent('/proc');
const unified = parseMountinfo(readMountinfo('/proc')).find(({ type }) => type === 'cgroup2')?.mountPoint;

function tasks(path: string): string[] {
  return readFileSync(join(path, 'tasks'), 'utf8').split('\n').filter(Boolean);
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a group of v2 that was made and could not be threaded is made threaded by the next attempt', () => {
  using temp = tempDirectory();
  const group = join(temp.path, `huatuo-${process.pid}`);
  const threads = join(group, 'oom');
  // Plain files in place of the kernel's.
  for (const [path, type] of [
    [temp.path, ''],
    [group, 'domain'],
    [threads, 'domain'],
  ] as const) {
    mkdirSync(path, { recursive: true });
    for (const file of ['cgroup.subtree_control', 'cgroup.threads', 'cpu.max'])
      writeFileSync(join(path, file), '');
    writeFileSync(join(path, 'cgroup.type'), `${type}\n`);
  }
  new CpuCgroups({ kind: 'v2', path: temp.path }, '/proc').limit('oom', 0.5, process.pid);
  for (const path of [group, threads])
    assert.match(readFileSync(join(path, 'cgroup.type'), 'utf8'), /^threaded/);
});

describe('a CPU quota in a v1 hierarchy', {
  skip: notRoot || (here.kind !== 'v1' && 'no cpu controller of v1'),
}, () => {
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
  skip: notRoot || (unified === undefined && 'no cgroup2'),
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
