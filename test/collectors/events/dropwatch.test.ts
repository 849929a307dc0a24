/** Records of a real kernel (dropwatch.kernel.test.ts) through the real decoder, without privileges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInProblems } from '../../support/document-schema.ts';
import { FRAMES } from '../../support/frame-samples.ts';
import { replay } from '../../support/ring-recording.ts';

test('records of a kernel become the golden documents, which are as declared', () => {
  const documents = replay('dropwatch')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { tracer_data: { layers: { label: string } } });
  assert.deepEqual(
    documents.map(({ tracer_data }) => tracer_data.layers.label),
    Object.keys(FRAMES),
  );
  for (const { tracer_data } of documents) assert.deepEqual(builtInProblems('dropwatch', tracer_data), []);
});
