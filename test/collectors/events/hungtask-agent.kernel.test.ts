/** Hangs where the kernel does not look for them: the agent does. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { HungtaskEvent } from '../../../src/generated/hungtask.ts';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { FrozenDisk, skipWithoutFreezing } from '../../support/frozen-disk.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { withSysctls } from '../../support/undo.ts';

const skip =
  skipWithoutKernelType('btf_trace_sched_process_hang') ||
  skipWithoutController('cpu') ||
  skipWithoutFreezing();

/** The kernel's detector is off. */
function idleKernel(): AsyncDisposable {
  return withSysctls({ 'kernel/hung_task_timeout_secs': 0 });
}

type Hang = JournalDocument & {
  readonly data: HungtaskEvent & {
    readonly wchan?: string;
    readonly hung_task_timeout_secs?: number;
    readonly waiting_tasks?: number;
  };
};

test('a task that waits for longer than the threshold is a document as the kernel’s, and says who has found it', {
  skip,
}, async () => {
  await using _idle = idleKernel();
  await using disk = await FrozenDisk.make();
  await using hungtask = await CollectorHarness.load('hungtask', { options: { threshold: '1s' } });
  const pid = await disk.writer('frozen');
  const documents: Hang[] = [];
  const own = (): Hang[] => documents.filter(({ data }) => data.pid === pid && data.role === 'hung');
  await eventually('two reports of the hang', async () => {
    await hungtask.clock.advance(1);
    documents.push(...((await hungtask.documents()) as Hang[]));
    return own().length >= 2;
  });
  const [first, second] = own() as [Hang, Hang];
  const { comm, detected_by, reports, hung_task_timeout_secs, waited_ns, waiting_tasks } = first.data;
  assert.deepEqual(
    { comm, detected_by, reports, hung_task_timeout_secs },
    { comm: 'frozen', detected_by: 'agent', reports: 1, hung_task_timeout_secs: undefined },
    first.text,
  );
  assert.ok(waited_ns! >= 1e9, first.text);
  assert.match(first.data.wchan ?? '', /write/);
  assert.ok(waiting_tasks! >= 1, first.text);
  assert.ok(second.data.waited_ns! >= waited_ns! + 1e9, second.text);
  assert.ok(second.data.reported_for_ns! >= 1e9 && second.data.reported_for_ns! < second.data.waited_ns!);
});

test('a task that waits again and again, but not for long, is not one that hangs', { skip }, async () => {
  await using _idle = idleKernel();
  await using hungtask = await CollectorHarness.load('hungtask', { options: { threshold: '1s' } });
  await using disk = await FrozenDisk.make();
  const hangs = await disk.writer('hangs');
  const pids: number[] = [];
  // Each is thawed before the threshold, with the disk that is made for it.
  const documents: Hang[] = [];
  await eventually('the report of the one that hangs', async () => {
    await using short = await FrozenDisk.make();
    pids.push(await short.writer('short'));
    await hungtask.clock.advance(1);
    documents.push(...((await hungtask.documents()) as Hang[]));
    return documents.some(({ data }) => data.pid === hangs && data.role === 'hung');
  });
  const reported = documents.filter(({ data }) => data.role === 'hung' && pids.includes(data.pid));
  assert.deepEqual(reported, []);
});

test('the agent counts it for its container, and its books balance', {
  skip,
}, async () => {
  const id = process.pid.toString(16).padStart(64, 'a');
  await using _idle = idleKernel();
  await using cgroup = TestCgroup.make('cpu', `/docker/${id}`);
  await using agent = await AgentProcess.start({
    only: ['hungtask'],
    config: { collectors: { hungtask: { threshold: '1s', max_waiting_tasks: 0 } } },
  });
  await using disk = await FrozenDisk.make();
  const pid = await disk.writer('one', (writer) => cgroup.add(writer));
  const hang = await agent.until('the document of the hang', () =>
    (agent.documents('hungtask') as Hang[]).find(({ data }) => data.pid === pid),
  );
  assert.deepEqual([hang.fields.container_id, hang.data.detected_by], [id, 'agent'], hang.text);
  const page = await agent.metrics('hungtask');
  assert.ok(sampleValue(page, 'huatuo_container_hung_tasks_total', { container_id: id }) >= 1);
  assert.equal(sampleValue(page, 'huatuo_hungtask_timeout_seconds'), 0);
  await agent.until('the books to balance', async () => {
    const row = await agent.ledger('hungtask');
    return row?.pending_bytes === '0' && String(row.difference) === '0';
  });
});
