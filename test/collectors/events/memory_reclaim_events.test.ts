/** Records of a real kernel (memory_reclaim_events.kernel.test.ts) through the real decoder, without privileges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInProblems } from '../../support/document-schema.ts';
import { replay } from '../../support/ring-recording.ts';

test('records of a kernel become the golden documents, which are as declared', () => {
  const documents = replay('memory_reclaim_events').trimEnd().split('\n');
  assert.ok(documents.length > 0);
  for (const line of documents) {
    const { tracer_data } = JSON.parse(line) as { tracer_data: Record<string, unknown> };
    assert.deepEqual(builtInProblems('memory_reclaim_events', tracer_data), []);
  }
});
