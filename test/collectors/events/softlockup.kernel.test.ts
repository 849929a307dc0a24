/** The softlockup collector against lock-ups of our own: a BPF program that loops with preemption off. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import test from 'node:test';
import type { SoftlockupEvent } from '../../../src/generated/softlockup.ts';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { Lockup } from '../../support/lockup.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { record } from '../../support/ring-recording.ts';
import { withSysctls } from '../../support/undo.ts';

const skip = skipWithoutKernelType('bpf_loop') || skipWithoutController('cpu');
const THRESHOLD_NS = 1_000_000_000;
/** The kernel's watchdog reports after two seconds, and looks each 0.4. */
const LOCKUP_MS = 4500;
const OPTIONS = { threshold: '1s', samples_per_second: 10 };

/** It runs where the process renames itself. */
const isOfTheLoop = (frame: string): boolean => frame.startsWith('__set_task_comm+');

type Report = JournalDocument & { readonly data: SoftlockupEvent };

test('a locked-up CPU is told of while it lasts, by us and by the kernel, and when it is over', {
  skip,
}, async () => {
  await using softlockup = await CollectorHarness.load('softlockup', { options: OPTIONS });
  await using lockup = await Lockup.make(LOCKUP_MS);
  await using _impatient = withSysctls({ 'kernel/watchdog_thresh': 1 });
  await lockup.run();
  const records: Uint8Array[] = [];
  const documents: Report[] = [];
  // How often it was seen meanwhile depends on where in a look it began.
  await eventually('the look that finds it over', async () => {
    records.push(...softlockup.records());
    documents.push(...((await softlockup.documents()) as Report[]));
    return documents.length >= 4 && documents.some(({ data }) => data.phase === 'over');
  });
  record('softlockup', records);
  const all = documents.map(({ text }) => text).join('\n');
  const [first] = documents;
  assert.ok(first);
  for (const { data, fields, text } of documents) {
    assert.equal(fields.severity, 'critical', text);
    assert.deepEqual(
      [data.pid, data.tid, data.comm, data.cpu, data.episode_id],
      [lockup.pid, lockup.pid, 'sh', first.data.cpu, first.data.episode_id],
      text,
    );
  }
  const own = documents.filter(({ data }) => data.reported_by === 'sampler');
  const phases = own.map(({ data }) => data.phase);
  assert.deepEqual(phases, ['begun', ...Array(phases.length - 2).fill('goes_on'), 'over'], all);
  assert.ok(phases.length >= 3 && phases.length <= 4, all);
  for (const [index, { data, text }] of own.slice(0, -1).entries()) {
    assert.ok(data.stuck_ns >= THRESHOLD_NS * 2 ** index, text);
    assert.ok(data.stack.some(isOfTheLoop), text);
    assert.ok(data.user_stack.length > 0, text);
  }
  const over = own.at(-1)?.data;
  assert.ok(
    over && over.stuck_ns >= (LOCKUP_MS - 2500) * 1e6 && over.stuck_ns <= (LOCKUP_MS + 500) * 1e6,
    all,
  );
  const kernel = documents.find(({ data }) => data.reported_by === 'kernel_watchdog');
  assert.ok(kernel && kernel.data.kernel_seconds! >= 2, all);
  assert.ok(kernel.data.stack.some(isOfTheLoop), kernel.text);
  const page = await softlockup.scrape();
  await softlockup.recordMaps();
  assert.equal(sampleValue(page, 'huatuo_soft_lockups_total'), 1);
  assert.ok(sampleValue(page, 'huatuo_bamai_softlockup_total') >= 1);
});

test('what is merely busy is no lock-up: in user mode, in long system calls, with many at once', {
  skip,
}, async () => {
  await using softlockup = await CollectorHarness.load('softlockup', {
    options: { threshold: '300ms', samples_per_second: 20 },
  });
  const scripts = ['while :; do :; done', 'dd if=/dev/zero of=/dev/null bs=16M status=none'];
  await Promise.all(
    Array.from({ length: 2 * availableParallelism() }, async (_, index) => {
      const script = scripts[index % scripts.length] ?? '';
      await once(spawn('timeout', ['3', 'sh', '-c', script], { stdio: 'ignore' }), 'close');
    }),
  );
  const documents = await softlockup.documents();
  assert.deepEqual(
    documents.map(({ text }) => text),
    [],
  );
});

test('a report that a process writes to the kernel log is none', { skip }, async () => {
  await using softlockup = await CollectorHarness.load('softlockup');
  for (let cpu = 0; cpu < availableParallelism(); cpu++)
    appendFileSync(
      '/dev/kmsg',
      `<7>watchdog: BUG: soft lockup - CPU#${cpu} stuck for 99s! [written by a test]\n`,
    );
  assert.deepEqual(await softlockup.documents(), []);
  assert.equal(sampleValue(await softlockup.scrape(), 'huatuo_bamai_softlockup_total'), 0);
});

test('a lock-up by a container names it, in the document and on the page, and stands on stderr', {
  skip,
}, async () => {
  const id = process.pid.toString(16).padStart(64, 'a');
  await using cgroup = TestCgroup.make('cpu', `/docker/${id}`);
  await using agent = await AgentProcess.start({
    only: ['softlockup'],
    config: { collectors: { softlockup: OPTIONS } },
  });
  await using lockup = await Lockup.make(2500);
  cgroup.add(lockup.pid);
  await lockup.run();
  const documents = await agent.until('a document of its end', () => {
    const found = agent.documents('softlockup') as Report[];
    return found.some(({ data }) => data.phase === 'over') && found;
  });
  for (const { fields, text } of documents) assert.equal(fields.container_id, id, text);
  const page = await agent.metrics('softlockup');
  assert.equal(sampleValue(page, 'huatuo_container_soft_lockups_total', { container_id: id }), 1);
  const row = await agent.until('everything to be journalled', async () => {
    const row = await agent.ledger('softlockup');
    return row?.pending_bytes === '0' && row;
  });
  assert.equal(row.difference, '0');
  const told = new RegExp(
    `critical: A CPU ought to switch [^"]*: in ${id.slice(0, 12)} pid=${lockup.pid} .*phase=begun `,
  );
  assert.match(agent.stderr, told);
});
