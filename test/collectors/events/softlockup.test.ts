/** What the decoder of softlockup makes of records that a kernel has written (softlockup.kernel.test.ts). */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { SoftlockupEvent } from '../../../src/generated/softlockup.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { parseDocument } from '../../support/journal-reader.ts';
import { replay } from '../../support/ring-recording.ts';

test('recorded records give the golden documents, which match what is declared', () => {
  const documents = replay('softlockup').trimEnd().split('\n').map(parseDocument);
  for (const { data, text } of documents) assert.deepEqual(builtInProblems('softlockup', data), [], text);
  const events = documents.map(({ data }) => data as unknown as SoftlockupEvent);
  const phases = new Set(events.map(({ phase, reported_by }) => `${reported_by} ${phase}`));
  assert.deepEqual(
    phases,
    new Set(['sampler begun', 'sampler goes_on', 'kernel_watchdog goes_on', 'sampler over']),
  );
  assert.equal(new Set(events.map(({ episode_id }) => episode_id)).size, 1);
});
