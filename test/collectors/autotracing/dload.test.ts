import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import dload from '../../../src/collectors/autotracing/dload.ts';
import { knownIssue } from '../../../src/collectors/autotracing/dload-stacks.ts';
import { waitOf } from '../../../src/collectors/autotracing/dload-waits.ts';
import type { SavedDocument } from '../../../src/sdk/context.ts';
import { AutotracerRun, optionsOf } from '../../support/autotracer-run.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';

const OPTIONS = optionsOf(dload);

/** Two containers, and twenty tasks in each and outside of them. */
class Host extends FixtureProc {
  readonly one = this.#container('one', 100);
  readonly two = this.#container('two', 200);

  constructor() {
    super();
    for (const first of [100, 200, 300]) this.tasks(first, 20, 'S');
    this.load(0.2);
  }

  /** Sets the state of tasks, by the first of their ids. */
  tasks(first: number, count: number, state: string): void {
    for (let pid = first; pid < first + count; pid++) this.add({ pid, comm: `task-${pid}`, state });
  }

  load(load1: number): void {
    this.write('loadavg', `${load1.toFixed(2)} 0.00 0.00 1/60 999\n`);
  }

  #container(name: string, first: number): ReturnType<typeof container> {
    const ids = Array.from({ length: 20 }, (_, index) => first + index);
    const cpu = this.write(`${name}/tasks`, `${ids.join('\n')}\n`);
    const freezer = this.write(`${name}-freezer/freezer.state`, 'THAWED\n');
    return container(name.padEnd(64, '0'), { cpu, freezer });
  }

  async run(options = OPTIONS): Promise<AutotracerRun> {
    const run = new AutotracerRun(dload, { procfs: this.directory, options });
    run.containers = [this.one, this.two];
    return run;
  }
}

interface Found {
  readonly dload_avg: number;
  readonly load_avg: number;
  readonly nr_uninterruptible: number;
  readonly tasks: readonly {
    readonly pid: number;
    readonly container_id?: string;
    readonly systemd_unit?: string;
  }[];
}

function dataOf(document: SavedDocument | undefined): Found {
  assert.ok(document);
  return document.data as unknown as Found;
}

test('pace and threshold are those of existing installations', () => {
  const { every, cooldown, threshold, average } = OPTIONS;
  assert.deepEqual(
    { every, cooldown, threshold, average },
    { every: 10, cooldown: 1800, threshold: 5, average: 60 },
  );
});

test('a quiet host, and a busy one, give nothing', async () => {
  using host = new Host();
  await using run = await host.run();
  await run.clock.advance(600);
  host.load(60);
  for (const first of [100, 200, 300]) host.tasks(first, 20, 'R');
  // A few wait, as there are always some.
  for (const first of [100, 200]) host.tasks(first, 2, 'D');
  await run.clock.advance(600);
  assert.deepEqual([run.saved, run.counts, run.logged], [[], {}, []]);
});

test('tasks that wait in one container are one document of it, with the average that the kernel would have', async () => {
  using host = new Host();
  await using run = await host.run();
  await run.clock.advance(600);
  host.load(10);
  host.tasks(100, 8, 'D');
  host.tasks(108, 2, 'R');
  await run.clock.advance(600);
  const [document, ...more] = run.saved;
  assert.deepEqual([document?.subject, more], [host.one, []]);
  const { dload_avg, load_avg, nr_uninterruptible, tasks } = dataOf(document);
  // 8 (1 - e^-t/60s) passes 5 at 59 s, so with the sample of the sixtieth.
  assert.equal(document?.time_ns, 660_000_000_000n);
  assert.ok(Math.abs(dload_avg - 8 * (1 - Math.exp(-1))) < 0.01, `${dload_avg}`);
  assert.ok(Math.abs(load_avg - 10 * (1 - Math.exp(-1))) < 0.01, `${load_avg}`);
  assert.equal(nr_uninterruptible, 8);
  assert.deepEqual(
    tasks.map(({ pid, container_id }) => [pid, container_id]),
    Array.from({ length: 8 }, (_, index) => [100 + index, host.one.id]),
  );
});

test('what is too little in each container may be too much for the host, whose document says whose they are', async () => {
  using host = new Host();
  await using run = await host.run();
  host.load(20);
  for (const first of [100, 200, 300]) host.tasks(first, 4, 'D');
  await run.clock.advance(120);
  const [document, ...more] = run.saved;
  assert.deepEqual([document?.subject, more], [undefined, []]);
  assert.deepEqual(
    dataOf(document).tasks.map(({ container_id }) => container_id),
    [host.one, host.two, undefined].flatMap((owner) => Array(4).fill(owner?.id)),
  );
});

test('several containers over their limit have a document each', async () => {
  using host = new Host();
  await using run = await host.run();
  host.load(20);
  for (const first of [100, 200]) host.tasks(first, 10, 'D');
  await run.clock.advance(120);
  assert.deepEqual(
    run.saved.map(({ subject }) => subject),
    [host.one, host.two],
  );
});

test('tasks that wait in a systemd unit are a document of it and not of the host; those of a container below it are the container’s', async () => {
  using host = new Host();
  await using run = await host.run();
  run.containers = [host.one];
  const ids = Array.from({ length: 20 }, (_, index) => [100 + index, 300 + index]).flat();
  const cpu = host.write('unit/tasks', `${ids.join('\n')}\n`);
  const unit = { id: 'nfs-client.service', cgroups: { cpu }, cgroupIds: [] };
  run.units = [unit];
  host.load(20);
  host.tasks(100, 4, 'D');
  host.tasks(300, 9, 'D');
  await run.clock.advance(120);
  const [document, ...more] = run.saved;
  assert.deepEqual([document?.subject, more], [unit, []]);
  const { nr_uninterruptible, tasks } = dataOf(document);
  assert.equal(nr_uninterruptible, 9);
  assert.ok(tasks.every(({ pid, systemd_unit }) => pid >= 300 && systemd_unit === unit.id));
});

test('a container that is excluded has no document', async () => {
  using host = new Host();
  await using run = await host.run({ ...OPTIONS, exclude: host.two.name });
  host.load(20);
  for (const first of [100, 200]) host.tasks(first, 10, 'D');
  await run.clock.advance(120);
  assert.deepEqual(
    run.saved.map(({ subject }) => subject),
    [host.one],
  );
});

test('tasks of a container that is paused do not wait', async () => {
  using host = new Host();
  await using run = await host.run();
  host.load(20);
  host.tasks(100, 20, 'D');
  host.write('one-freezer/freezer.state', 'FROZEN\n');
  await run.clock.advance(600);
  assert.deepEqual(run.saved, []);
});

test('a look that has counted nothing is no reason for an alarm', () => {
  const state = { nr_running: 0, nr_sleeping: 12, nr_stopped: 0, nr_uninterruptible: 8 };
  const [oldest, newest] = [0n, 300_000_000_000n].map((boottime_ns) => ({ boottime_ns, state }));
  assert.ok(oldest && newest);
  const window = { samples: [oldest, newest], oldest, newest, full: true, seconds: 300 };
  assert.equal(dload.trigger(window, OPTIONS)?.nr_uninterruptible, 8);
  assert.equal(dload.trigger({ ...window, newest: { ...newest, state: null } }, OPTIONS), undefined);
});

test('the file of a system call is named, with its disk, without following its path', () => {
  using host = new FixtureProc();
  const task = host.write('7/task/7/wchan', 'ext4_file_write_iter');
  const write = { x64: 1, arm64: 64 }[process.arch as 'x64' | 'arm64'];
  host.write('7/task/7/syscall', `${write} 0xffffffff00000003 0x0 0x0 0x0 0x0 0x0 0x7ffe 0x7f00\n`);
  host.write('7/task/7/fdinfo/3', 'pos:\t0\nflags:\t01\nmnt_id:\t42\nino:\t12\n');
  host.write(
    '7/task/7/mountinfo',
    '41 1 8:1 / / rw - ext4 /dev/sda1 rw\n42 1 7:0 / /mnt/my\\040disk rw - ext4 /dev/loop0 rw\n',
  );
  host.write('7/task/7/fd/x', '');
  symlinkSync('/mnt/my disk/is/not/there', join(task, 'fd', '3'));
  const thread = { pid: 7, tid: 7, comm: 'x', state: 'D' };
  const wchan = 'ext4_file_write_iter';
  assert.deepEqual(waitOf(host.directory, thread, false), {
    wchan,
    syscall: 'write',
    path: '/mnt/my disk/is/not/there',
    device: '/dev/loop0',
    mount_point: '/mnt/my disk',
  });
  assert.deepEqual(waitOf(host.directory, thread, true), { wchan });
  assert.deepEqual(waitOf(host.directory, { ...thread, tid: 8 }, false), {});
});

test('a known issue is the first pattern that the stacks have', () => {
  const stack = 'dd (7), 1 times:\n  percpu_rwsem_wait\n  ext4_journal_start\n';
  assert.equal(knownIssue(stack, ['nfs=^  nfs_', 'journal=^  ext4_journal', 'any=.']), 'journal');
  assert.equal(knownIssue(stack, ['percpu_rwsem']), 'percpu_rwsem');
  const lookahead = 'percpu(?=_rwsem)';
  assert.equal(knownIssue(stack, [lookahead]), lookahead, 'what has no name may have an =');
  assert.equal(knownIssue(stack, ['nfs=^  nfs_']), undefined);
});
