/** The hungtask collector against hangs of our own: writers to a file system that is frozen. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
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
import { record } from '../../support/ring-recording.ts';
import { withSysctls } from '../../support/undo.ts';

const skip =
  skipWithoutKernelType('btf_trace_sched_process_hang') ||
  skipWithoutController('cpu') ||
  skipWithoutFreezing();
/** Since Linux 6.16, when it is configured, the kernel notes which lock a task waits for. */
const knowsLocks = !skipWithoutKernelType('hung_task_set_blocker');

type Hang = JournalDocument & {
  readonly data: HungtaskEvent & {
    readonly wchan?: string;
    readonly waits_for?: string;
    readonly hung_task_timeout_secs?: number;
    readonly waiting_tasks?: number;
    readonly waiting_tasks_cut?: number;
  };
};

/** Hangs are found after a second, and each second again; the kernel's log has none of it. */
function impatientKernel(): AsyncDisposable {
  return withSysctls({
    'kernel/hung_task_warnings': 0,
    ...(existsSync('/proc/sys/kernel/hung_task_check_interval_secs') && {
      'kernel/hung_task_check_interval_secs': 1,
    }),
    'kernel/hung_task_timeout_secs': 1,
  });
}

/** All that the harness has read, once it is enough. */
async function documentsUntil(
  collector: CollectorHarness,
  what: string,
  isEnough: (documents: readonly Hang[]) => boolean,
): Promise<Hang[]> {
  const all: Hang[] = [];
  await eventually(
    what,
    async () => {
      record('hungtask', collector.records().slice(0, 4));
      await collector.recordMaps();
      all.push(...((await collector.documents()) as Hang[]));
      return isEnough(all);
    },
    { last: () => all.map(({ text }) => text).join('\n') },
  );
  return all;
}

test('a hang is a document with stack, wait and lock; those who wait beside it are documents too', {
  skip,
}, async () => {
  await using hungtask = await CollectorHarness.load('hungtask', {
    options: { max_events_per_second_per_cpu: 1 },
  });
  await using disk = await FrozenDisk.make();
  const first = await disk.writer('frozen');
  const second = await disk.writer('a"b\\n\\033[31m');
  await using _impatient = impatientKernel();
  // One hang a second is written. Until it is the other writer's turn, that one waits beside the first.
  const documents = await documentsUntil(hungtask, 'both writers, and one beside the other', (all) => {
    const own = all.filter(({ data }) => data.pid === first || data.pid === second);
    return (
      own.some(({ data }) => data.pid === first && data.role === 'hung') &&
      own.some(({ data }) => data.pid === second)
    );
  });
  const hang = documents.find(({ data }) => data.pid === first && data.role === 'hung') ?? assert.fail();
  assert.equal(hang.fields.severity, 'warning');
  const { data } = hang;
  assert.deepEqual(
    {
      tid: data.tid,
      comm: data.comm,
      waits_for: data.waits_for,
      limit: data.hung_task_timeout_secs,
      io: data.in_iowait,
    },
    { tid: first, comm: 'frozen', waits_for: 'percpu_rwsem', limit: 1, io: false },
  );
  assert.match(data.wchan ?? '', /write/, hang.text);
  assert.ok(
    data.stack.some((frame) => /^ksys_write\+0x/.test(frame)),
    hang.text,
  );
  const other = documents.find(({ data }) => data.pid === second) ?? assert.fail();
  assert.equal(other.data.comm, 'a"b\n\u001b[31m');
  if (knowsLocks) {
    assert.equal(other.data.waits_for, 'mutex', other.text);
    const { lock_kind, lock_holder_tid, lock_holder_comm } = other.data;
    assert.deepEqual(
      { lock_kind, lock_holder_tid, lock_holder_comm },
      { lock_kind: 'mutex', lock_holder_tid: first, lock_holder_comm: 'frozen' },
      other.text,
    );
    assert.match(other.data.lock_addr ?? '', /^0x[\da-f]+$/);
  }
  const listed = documents.find(({ data }) => data.waiting_tasks !== undefined) ?? assert.fail();
  assert.ok(listed.data.waiting_tasks! >= 2, listed.text);
  for (const { data } of documents.filter(({ data }) => data.role === 'waiting'))
    assert.equal(data.snapshot_id, listed.data.snapshot_id);
});

test('a hang in a container names it, in the document and on the page; nothing is lost uncounted', {
  skip,
}, async () => {
  const id = process.pid.toString(16).padStart(64, 'd');
  await using cgroup = TestCgroup.make('cpu', `/docker/${id}`);
  await using agent = await AgentProcess.start({
    only: ['hungtask'],
    config: { collectors: { hungtask: { max_events_per_second_per_cpu: 1, max_waiting_tasks: 0 } } },
  });
  await using disk = await FrozenDisk.make();
  const pids = [await disk.writer('one', (pid) => cgroup.add(pid)), await disk.writer('two')];
  await using _impatient = impatientKernel();
  const hang = await agent.until('the document of the hang', () =>
    agent.documents('hungtask').find(({ data }) => data.pid === pids[0]),
  );
  assert.equal(hang.fields.container_id, id, hang.text);
  const listed = await agent.until('a list of those who wait', () =>
    (agent.documents('hungtask') as Hang[]).find(({ data }) => data.waiting_tasks_cut),
  );
  assert.ok(listed.data.waiting_tasks! > listed.data.waiting_tasks_cut!);
  // Each second the kernel reports both again: what is not written is counted.
  const row = await agent.until('reports that are rate limited', async () => {
    const row = await agent.ledger('hungtask');
    return Number(row?.rate_limited) > 2 && row?.pending_bytes === '0' && row;
  });
  assert.equal(row.difference, '0');
  const documents = agent.documents('hungtask') as Hang[];
  assert.ok(documents.every(({ data }) => data.role === 'hung'));
  const page = await agent.metrics('hungtask');
  const total = sampleValue(page, 'huatuo_bamai_hungtask_total');
  const own = sampleValue(page, 'huatuo_container_hung_tasks_total', { container_id: id });
  assert.ok(total > own && own > 2, `${own} of ${total}`);
  assert.equal(sampleValue(page, 'huatuo_hungtask_timeout_seconds'), 1);
  assert.ok(sampleValue(page, 'huatuo_hungtask_waiting_tasks_cut_total') >= listed.data.waiting_tasks_cut!);
});
