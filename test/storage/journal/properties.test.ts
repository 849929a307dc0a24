import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { parseSegmentName } from '../../../src/storage/journal/segment.ts';
import { journalOptions, memoryLog, segmentFiles, streamText, tempDirectory } from './fixture.ts';

const document = fc
  .oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 200 }))
  .map((text) => `${JSON.stringify({ text })}\n`);
const batches = fc.array(fc.array(document, { minLength: 1, maxLength: 20 }), { maxLength: 30 });

test('segments joined are the appended batches, whatever the sizes; restarts in between change nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      batches,
      fc.integer({ min: 1, max: 5000 }),
      fc.nat(7),
      async (all, segment_bytes, restartEvery) => {
        using temp = tempDirectory();
        const options = journalOptions(temp.path, { segment_bytes, segments: 1000 });
        let journal = new Journal(options, memoryLog());
        for (const [i, batch] of all.entries()) {
          journal.append('oom', Buffer.from(batch.join('')), batch.length);
          if (i % 8 === restartEvery) {
            await journal.close();
            journal = new Journal(options, memoryLog());
          }
        }
        const sequence = journal.status().oom?.sequence ?? 0;
        await journal.close();
        assert.equal(sequence, all.flat().length);
        if (all.length > 0) assert.equal(streamText(temp.path, 'oom'), all.flat().join(''));
      },
    ),
    { numRuns: 40 },
  );
});

test('with caps, what is left is the end of what was appended, and the rest is counted as expired', async () => {
  const sizes = fc.record({
    segment_bytes: fc.integer({ min: 1, max: 2000 }),
    segments: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(batches, sizes, async (all, { segment_bytes, segments }) => {
      fc.pre(all.length > 0);
      using temp = tempDirectory();
      const total_bytes = 100_000;
      const journal = new Journal(
        journalOptions(temp.path, { segment_bytes, segments, total_bytes }),
        memoryLog(),
      );
      for (const batch of all) journal.append('oom', Buffer.from(batch.join('')), batch.length);
      const status = journal.status().oom ?? assert.fail();
      await journal.close();
      const documents = all.flat();
      const first = parseSegmentName(segmentFiles(temp.path, 'oom')[0] ?? '')?.first;
      assert.equal(first, status.expired_documents);
      assert.equal(streamText(temp.path, 'oom'), documents.slice(first).join(''));
      assert.ok(status.segments <= segments || status.segment_bytes <= segments * segment_bytes);
      assert.ok(status.segment_bytes <= total_bytes);
    }),
    { numRuns: 40 },
  );
});
