/** What the run queue collector says of a container, held against what the kernel says of its tasks. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { BusyProcesses } from '../../support/busy.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { FrozenDisk, skipWithoutFreezing } from '../../support/frozen-disk.ts';
import { container } from '../../support/harness-containers.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { taskState } from '../../support/task-state.ts';
import { Zombie } from '../../support/zombie.ts';

const skip = skipWithoutBpf() || skipWithoutController('cpu');
const NS = 1e9;

/** A shell on one CPU that counts to what it is told and then waits for more. */
class Counting implements AsyncDisposable {
  readonly pid: number;
  readonly #shell: ChildProcess;
  readonly #closed: Promise<unknown>;

  constructor() {
    const script = 'while read n; do i=0; while [ $i -lt $n ]; do i=$((i + 1)); done; echo; done';
    this.#shell = spawn('taskset', ['-c', '0', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#closed = once(this.#shell, 'close');
    this.pid = this.#shell.pid ?? 0;
  }

  /** Resolves when it has counted and sleeps. */
  async count(to: number): Promise<void> {
    this.#shell.stdin!.write(`${to}\n`);
    await once(this.#shell.stdout!, 'data');
    await eventually('the shell to sleep', () => taskState(this.pid) === 'S');
  }

  /** The kernel's own account: time it was runnable and did not run, and how often it was switched in. */
  get waits(): { readonly ns: number; readonly count: number } {
    const [, ns, count] = readFileSync(`/proc/${this.pid}/schedstat`, 'utf8').split(' ').map(Number);
    return { ns: ns!, count: count! };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.stdin!.end();
    await this.#closed;
  }
}

/** Its container's histogram of one kind of wait. */
async function waited(
  runqlat: CollectorHarness,
  kind: 'runqueue' | 'blocked' | 'interruptible',
): Promise<{ readonly ns: number; readonly count: number }> {
  const page = await runqlat.scrape();
  const name = `huatuo_container_${kind}_wait_seconds`;
  if (samplesOf(page, `${name}_count`).length === 0) return { ns: 0, count: 0 };
  return {
    ns: Math.round(sampleValue(page, `${name}_sum`) * NS),
    count: sampleValue(page, `${name}_count`),
  };
}

/** The sum is between those of the least and of the most that the buckets can hold. */
function assertWithinBounds(page: ReadonlyMap<string, PageFamily>, name: string): void {
  let [least, most, below, lastBound] = [0, 0, 0, 0];
  for (const { labels, value } of samplesOf(page, `${name}_bucket`)) {
    const bound = Number(labels.le?.replace('+Inf', 'Infinity'));
    const inside = value - below;
    least += inside * lastBound;
    if (inside > 0) most += inside * bound;
    [below, lastBound] = [value, bound];
  }
  const sum = sampleValue(page, `${name}_sum`);
  assert.ok(least <= sum && sum <= most, `${name}: ${sum} s in buckets that hold ${least} to ${most} s`);
}

/** Running, blocked and ended ones. */
const tasksOf = (page: ReadonlyMap<string, PageFamily>, container_id: string): number[] =>
  [
    'huatuo_bamai_loadavg_container_nr_running',
    'huatuo_bamai_loadavg_container_nr_uninterruptible',
    'huatuo_container_zombie_processes',
  ].map((name) => sampleValue(page, name, { container_id }));

const now_ns = (): number => Number(process.hrtime.bigint());

test('waits for a CPU are to the nanosecond those of the kernel, sleeps last as long as nothing was to do', {
  skip,
}, async () => {
  await using cgroup = TestCgroup.make('cpu', `/huatuo-runqlat-waits-${process.pid}`);
  const web = container('web', { cpu: cgroup.path }, [cgroup.inode]);
  await using runqlat = await CollectorHarness.load('runqlat', { containers: [web] });
  await using one = new Counting();
  await using two = new Counting();
  const pair = [one, two];
  await Promise.all(pair.map((shell) => shell.count(1)));
  for (const { pid } of pair) cgroup.add(pid);
  const before = pair.map(({ waits }) => waits);
  const sleptSince_ns = now_ns();
  await runqlat.scrape();
  const woken_ns = now_ns();
  await Promise.all(pair.map((shell) => shell.count(200_000)));
  const after = pair.map(({ waits }) => waits);
  const total = (key: 'ns' | 'count'): number =>
    after.reduce((sum, waits, index) => sum + waits[key] - before[index]![key], 0);
  assert.ok(total('count') > 4, 'they take turns on the CPU');
  const shown = await eventually('all waits to be counted', async () => {
    const found = await waited(runqlat, 'runqueue');
    return found.count >= total('count') && found;
  });
  assert.deepEqual(shown, { ns: total('ns'), count: total('count') });
  const page = await runqlat.scrape();
  for (const kind of ['runqueue', 'interruptible'])
    assertWithinBounds(page, `huatuo_container_${kind}_wait_seconds`);
  const slept = await waited(runqlat, 'interruptible');
  assert.ok(slept.count >= 2);
  assert.ok(slept.ns >= 2 * (woken_ns - sleptSince_ns), `${slept.ns} ns`);
});

test('a task that the disk holds up is blocked, one that computes runs, one that was not reaped is a zombie', {
  skip: skip || skipWithoutFreezing(),
}, async () => {
  await using cgroup = TestCgroup.make('cpu', `/huatuo-runqlat-load-${process.pid}`);
  await using elsewhere = TestCgroup.make('cpu', `/huatuo-runqlat-idle-${process.pid}`);
  const web = container('web', { cpu: cgroup.path }, [cgroup.inode]);
  const idle = container('idle', { cpu: elsewhere.path }, [elsewhere.inode]);
  await using runqlat = await CollectorHarness.load('runqlat', { containers: [web, idle] });
  await using disk = await FrozenDisk.make();
  await disk.writer('blocked', (pid) => cgroup.add(pid));
  const blockedSince_ns = now_ns();
  {
    await using busy = new BusyProcesses(1);
    for (const pid of busy.pids) cgroup.add(pid);
    await using _zombie = await Zombie.make((pid) => cgroup.add(pid));
    const page = await eventually('the load of the container', async () => {
      const read = await runqlat.scrape();
      const [running, , zombies] = tasksOf(read, 'web');
      return running === 1 && zombies === 1 && read;
    });
    assert.deepEqual(tasksOf(page, 'web'), [1, 1, 1]);
    assert.deepEqual(tasksOf(page, 'idle'), [0, 0, 0]);
    for (const state of ['running', 'blocked', 'zombie'])
      assert.ok(sampleValue(page, 'huatuo_tasks', { state }) >= 1, state);
  }
  const thawed_ns = now_ns();
  await disk.thaw();
  const blocked = await waited(runqlat, 'blocked');
  assert.ok(blocked.count >= 1);
  assert.ok(blocked.ns >= thawed_ns - blockedSince_ns, `${blocked.ns} ns`);
});
