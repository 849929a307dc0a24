import assert from 'node:assert/strict';
import { test } from 'node:test';
import { journalDetails, journalFamilies } from '../../../src/agent/services/journal-metrics.ts';
import { JournalActor } from '../../../src/storage/journal/actor.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { answerOf } from '../../../src/storage/prometheus/own-family.ts';
import { journalOptions, lines, memoryLog, tempDirectory } from '../../storage/journal/fixture.ts';
import { familiesOf } from '../../support/families.ts';

test('everything a journal counts of a tracer is a metric, and the sum of its documents closes', async () => {
  using temp = tempDirectory();
  const journal = new Journal(
    journalOptions(temp.path, { segment_bytes: lines(1).length, segments: 3 }),
    memoryLog(),
  );
  for (let n = 0; n < 8; n++) journal.append('oom', lines(1, n), 1);
  await journal.flush();
  const actor = new JournalActor(journal, memoryLog());
  const status = actor.status();
  const families = familiesOf(answerOf([...journalFamilies(status), ...journalDetails(status)]));
  const value = (name: string): number => {
    const family = families.find((one) => one.name === `huatuo_journal_${name}`);
    return (
      family?.samples.find(({ labels }) => labels.tracer === undefined || labels.tracer === 'oom')?.value ??
      -1
    );
  };
  assert.equal(value('numbered_documents_total'), 8);
  assert.equal(value('stored_documents'), 3);
  assert.equal(value('expired_documents_total'), 5);
  assert.equal(value('lost_documents_total'), 0);
  assert.equal(value('failing'), 0);
  const shown = families.map(({ name }) => name).join();
  for (const field of Object.keys(status.tracers.oom ?? {})) {
    // Of these, others say the same: the state as a whole, and what is counted in batches and numbers.
    if (['documents', 'bytes', 'torn_bytes', 'failing', 'last_error', 'sequence'].includes(field)) continue;
    assert.match(shown, new RegExp(field.replace(/_ms$/, '_seconds')), field);
  }
  await actor.close();
});

test('without a journal that has answered there is nothing to say', () => {
  assert.deepEqual([...journalFamilies(undefined), ...journalDetails(undefined)], []);
});
