/** The sched_tick collector against CPUs that BPF programs of our own hold: with interrupts off, with preemption off, in handlers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import test, { after } from 'node:test';
import type { SchedTickEvent } from '../../../src/generated/sched_tick.ts';
import { affinity, setAffinity } from '../../../src/kernel/sched.ts';
import { AgentProcess } from '../../support/agent.ts';
import { BusyProcesses } from '../../support/busy.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { writeToDisk } from '../../support/disks.ts';
import { eventually } from '../../support/eventually.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { LoadedFixture } from '../../support/loaded-object.ts';
import { Lockup } from '../../support/lockup.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { record } from '../../support/ring-recording.ts';

const skip = skipWithoutKernelType('bpf_loop') || skipWithoutController('cpu');
const skipWithoutInterruptsOff = skip || skipWithoutKernelType('bpf_local_irq_save');

const HELD_MS = 120;
/** A tick is due within 10 ms of any moment, at 100 of them a second. */
const LEAST_NS = (HELD_MS - 10) * 1e6;
/** Nothing else on the host holds a CPU for so long. */
const OPTIONS = { threshold: '40ms', scheduling_threshold: '40ms' };

const isOfTheLoop = (frame: string): boolean => frame.startsWith('__set_task_comm+');

type Gap = JournalDocument & { readonly data: SchedTickEvent };

/** One of each kind, for the recording. */
const recorded: Uint8Array[] = [];
after(() => record('sched_tick', recorded));

/**
 * The gap of a test; a host that is held up has others.
 * @param provoke is called until it is there
 */
async function gapOf(
  ticks: CollectorHarness,
  isIt: (event: SchedTickEvent) => boolean,
  provoke = (): void => undefined,
): Promise<Gap> {
  const others: string[] = [];
  return eventually(
    'the gap',
    async () => {
      provoke();
      const records = ticks.records();
      const gaps = (await ticks.documents()) as Gap[];
      const index = gaps.findIndex(({ data }) => isIt(data));
      others.push(...gaps.map(({ text }) => text));
      const bytes = records[index];
      if (bytes) recorded.push(bytes);
      return gaps[index];
    },
    { last: () => others.join('\n') },
  );
}

function assertLength({ data, text }: Gap): void {
  assert.ok(data.held_off_ns + data.stolen_ns >= LEAST_NS, text);
  assert.ok(data.held_off_ns >= data.threshold_ns, text);
}

test('code that turns interrupts off is told of, with its task and its stack', {
  skip: skipWithoutInterruptsOff,
}, async () => {
  await using ticks = await CollectorHarness.load('sched_tick', { options: OPTIONS });
  await using lockup = await Lockup.make(HELD_MS, { withoutInterrupts: true });
  await lockup.run();
  const gap = await gapOf(ticks, ({ pid }) => pid === lockup.pid);
  const { data, fields, text } = gap;
  assert.equal(fields.severity, 'warning', text);
  assert.deepEqual(
    [data.kind, data.held_by, data.comm, data.handler],
    ['interrupts', 'code', 'sh', undefined],
  );
  assertLength(gap);
  assert.ok(data.stack.some(isOfTheLoop), text);
  assert.ok(data.user_stack.length > 0, text);
  assert.ok(sampleValue(await ticks.scrape(), 'huatuo_tick_gaps_total', { kind: 'interrupts' }) >= 1);
});

test('code that turns preemption off is told of when another task waits for the CPU', { skip }, async () => {
  await using ticks = await CollectorHarness.load('sched_tick', { options: OPTIONS });
  await using lockup = await Lockup.make(HELD_MS);
  const [cpu = 0] = affinity(process.pid);
  setAffinity(lockup.pid, [cpu]);
  let gap: Gap;
  {
    await using _waiting = new BusyProcesses(1, { cpu });
    await lockup.run();
    gap = await gapOf(ticks, ({ pid }) => pid === lockup.pid);
  }
  const { data, text } = gap;
  assert.deepEqual([data.kind, data.held_by, data.comm, data.cpu], ['scheduling', 'code', 'sh', cpu]);
  assert.ok(data.held_off_ns >= data.threshold_ns, text);
  assert.ok(data.stack.some(isOfTheLoop), text);
  const page = await ticks.scrape();
  await ticks.recordMaps();
  assert.ok(sampleValue(page, 'huatuo_tick_gaps_total', { kind: 'scheduling' }) >= 1);
  assert.ok(sampleValue(page, 'huatuo_scheduling_held_off_seconds_count') >= 1);
});

for (const { of, option, held_by, handler } of [
  { of: 'a timer', option: 'of_timer', held_by: 'timer_callback', handler: /^perf_swevent_hrtimer(\+0x0)?$/ },
  { of: 'a device', option: 'of_device', held_by: 'interrupt_handler', handler: /^[a-z]\w+/ },
] as const)
  test(`the handler of ${of} that takes long is named, and no task has to do with it`, { skip }, async () => {
    await using ticks = await CollectorHarness.load('sched_tick', { options: OPTIONS });
    using handlers = await LoadedFixture.load('collectors/lockup', 'handlers', {
      [option]: 1n,
      duration_ns: BigInt(HELD_MS) * 1_000_000n,
    });
    await using _busy = new BusyProcesses(1);
    handlers.object.attach();
    const gap = await gapOf(
      ticks,
      (event) => event.held_by === held_by,
      option === 'of_device' ? writeToDisk : undefined,
    );
    const { data, fields, text } = gap;
    assert.equal(data.kind, 'interrupts', text);
    assertLength(gap);
    assert.match(data.handler ?? '', handler, text);
    assert.ok(data.handler_ns! >= HELD_MS * 1e6, text);
    assert.deepEqual(
      [data.cgroup_id, fields.container_id, fields.cgroup_path],
      [undefined, undefined, undefined],
    );
    if (option === 'of_timer') return;
    const line = readFileSync('/proc/interrupts', 'utf8')
      .split('\n')
      .find((line) => line.includes(data.irq_name!));
    assert.match(line ?? '', new RegExp(`^ *${data.irq}:`), text);
  });

test('every late tick counts once, and none on a CPU that idles becomes a document', { skip }, async () => {
  await using ticks = await CollectorHarness.load('sched_tick', {
    options: { threshold: '1ns', max_events_per_second_per_cpu: 1000 },
  });
  const delays = async (): Promise<number> =>
    sampleValue(await ticks.scrape(), 'huatuo_tick_delay_seconds_count');
  await eventually('ticks of every CPU', async () => (await delays()) > 200);
  const object = await ticks.ctx.bpf.load();
  await object.detach();
  const page = await ticks.scrape();
  const late =
    sampleValue(page, 'huatuo_tick_gaps_total', { kind: 'interrupts' }) +
    sampleValue(page, 'huatuo_ticks_late_by_hypervisor_total') +
    sampleValue(page, 'huatuo_ticks_late_in_idle_total');
  assert.equal(late, sampleValue(page, 'huatuo_tick_delay_seconds_count'));
  for (const { data, text } of (await ticks.documents()) as Gap[])
    assert.ok(data.pid > 0 || data.held_by !== 'code', text);
});

test('what is merely busy holds nothing off: in user mode, in long system calls, with many at once', {
  skip,
}, async () => {
  // A host whose CPUs are taken from it, and which is not told of that, has gaps too, but shorter ones.
  const options = { threshold: '300ms', scheduling_threshold: '300ms' };
  await using ticks = await CollectorHarness.load('sched_tick', { options });
  const scripts = ['while :; do :; done', 'dd if=/dev/zero of=/dev/null bs=16M status=none'];
  await Promise.all(
    Array.from({ length: 2 * availableParallelism() }, async (_, index) => {
      const script = scripts[index % scripts.length] ?? '';
      await once(spawn('timeout', ['3', 'sh', '-c', script], { stdio: 'ignore' }), 'close');
    }),
  );
  const documents = await ticks.documents();
  assert.deepEqual(
    documents.map(({ text }) => text),
    [],
  );
});

test('a container that holds interrupts off is named, in the document and on the page', {
  skip: skipWithoutInterruptsOff,
}, async () => {
  const id = process.pid.toString(16).padStart(64, 'b');
  await using cgroup = TestCgroup.make('cpu', `/docker/${id}`);
  await using agent = await AgentProcess.start({
    only: ['sched_tick'],
    config: { collectors: { sched_tick: OPTIONS } },
  });
  await using lockup = await Lockup.make(HELD_MS, { withoutInterrupts: true });
  cgroup.add(lockup.pid);
  await lockup.run();
  const document = await agent.until('its document', () =>
    (agent.documents('sched_tick') as Gap[]).find(({ data }) => data.pid === lockup.pid),
  );
  assert.equal(document.fields.container_id, id, document.text);
  const page = await agent.metrics('sched_tick');
  assert.equal(sampleValue(page, 'huatuo_container_interrupts_held_off_total', { container_id: id }), 1);
  const row = await agent.until('everything to be journalled', async () => {
    const row = await agent.ledger('sched_tick');
    return row?.pending_bytes === '0' && row;
  });
  assert.equal(row.difference, '0');
});
