/** What the decoder of sched_tick makes of records that a kernel has written (sched_tick.kernel.test.ts). */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { SchedTickEvent } from '../../../src/generated/sched_tick.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { parseDocument } from '../../support/journal-reader.ts';
import { replay } from '../../support/ring-recording.ts';

test('recorded records give the golden documents, which match what is declared', () => {
  const documents = replay('sched_tick').trimEnd().split('\n').map(parseDocument);
  for (const { data, text } of documents) assert.deepEqual(builtInProblems('sched_tick', data), [], text);
  const events = documents.map(({ data }) => data as unknown as SchedTickEvent);
  assert.deepEqual(
    events.map(({ kind, held_by }) => `${kind} by ${held_by}`),
    [
      'interrupts by code',
      'scheduling by code',
      'interrupts by timer_callback',
      'interrupts by interrupt_handler',
    ],
  );
  const [code, , , device] = events;
  assert.deepEqual([code?.handler, code?.irq, code?.irq_name], [undefined, undefined, undefined]);
  assert.ok(code?.cgroup_id !== undefined && device?.cgroup_id === undefined);
  assert.ok(device?.irq !== undefined && device.irq_name !== '');
});
