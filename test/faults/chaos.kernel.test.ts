import assert from 'node:assert/strict';
import test from 'node:test';
import { totals } from '../chaos/report.ts';
import { runChaos } from '../chaos/run.ts';
import { type Fault, schedule } from '../chaos/schedule.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

/** Of what is only seen by a heartbeat that stands still, one of each place where a thread can hang; `npm run chaos` has all. */
const FAULTS: readonly Fault[] = [
  'throw',
  'reject',
  'exit',
  'heap',
  'leak',
  'hang in update',
  'throw in update',
  'trap in decoder',
  'loop in decoder',
  'journal throw',
  'prometheus throw',
  'containers throw',
  'frozen disk',
  'full disk',
  'read-only disk',
  'lock deleted',
  'segment deleted',
  'segment cut',
  'foreign files',
  'engine floods',
  'slow clients',
  'hostile requests',
  'burst beyond the ring',
  'reload',
  'reload refused',
];

test('one fault after the other under load, both kills and two stops among them: all recovered from, every event is accounted for', {
  skip: skipWithoutBpf(),
}, async (t) => {
  const report = await runChaos({
    lives: schedule(1, { rounds: 1, once_in: 'round', faults: FAULTS, max_pause_ms: 100 }),
    length_ms: 0,
    progress: (line) => t.diagnostic(line),
  });
  assert.deepEqual(report.problems, []);
  const { produced, on_disk, unexplained } = totals(report);
  assert.ok(produced > 0 && on_disk > 0);
  assert.equal(unexplained, 0);
  for (const [fault, { injected, recovered_ms }] of report.faults)
    assert.equal(recovered_ms.length, injected, fault);
  const expected =
    report.without_disk === undefined ? FAULTS : FAULTS.filter((fault) => !fault.endsWith('disk'));
  for (const fault of [...expected, 'SIGKILL', 'SIGKILL, pinned', 'SIGTERM'] as const)
    assert.ok(report.faults.has(fault), `${fault} was injected`);
});

test('reloads that change a pinned collector lose no event that the old programs made', {
  skip: skipWithoutBpf(),
}, async (t) => {
  const steps = Array.from({ length: 5 }, () => ({ fault: 'reload', after_ms: 100 }) as const);
  const report = await runChaos({
    lives: [{ pinned: true, steps, end: 'SIGTERM', end_after_ms: 100 }],
    // Long enough that all five are injected.
    length_ms: 60_000,
    progress: (line) => t.diagnostic(line),
  });
  assert.deepEqual(report.problems, []);
});
