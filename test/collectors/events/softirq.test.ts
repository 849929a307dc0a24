/** What the decoder of softirq makes of records that a kernel has written. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { builtInProblems } from '../../support/document-schema.ts';
import { parseDocument } from '../../support/journal-reader.ts';
import { replay } from '../../support/ring-recording.ts';

test('recorded records give the golden documents, which match what is declared', () => {
  const documents = replay('softirq').trimEnd().split('\n').map(parseDocument);
  assert.equal(documents.length, 5);
  for (const { data, text } of documents) assert.deepEqual(builtInProblems('softirq', data), [], text);
});
