import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Compression, Journal } from '../../../src/storage/journal/journal.ts';
import { StreamReader } from '../../../src/storage/journal/reader.ts';
import { parseSegmentName } from '../../../src/storage/journal/segment.ts';
import { journalOptions, memoryLog, segmentFiles, streamText, tempDirectory } from './fixture.ts';

const document = fc
  .oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 200 }))
  .map((text) => `${JSON.stringify({ text })}\n`);
async function readStream(directory: string): Promise<{ readonly text: string; readonly lost: number }> {
  const reader = new StreamReader(join(directory, 'oom'), 'start', 1000);
  let [text, lost] = ['', 0];
  for (let block = await reader.next(); block; block = await reader.next()) {
    text += block.lines.toString();
    lost += block.lost;
  }
  await reader.close();
  return { text, lost };
}

const batches = fc.array(fc.array(document, { minLength: 1, maxLength: 20 }), { maxLength: 30 });

const compressions = fc.array(fc.constantFrom<Compression>('off', 'sealed', 'live'), {
  minLength: 1,
  maxLength: 8,
});

test('segments joined are the appended batches, whatever the sizes and forms; restarts in between, with another form too, change nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      batches,
      fc.integer({ min: 1, max: 5000 }),
      fc.nat(7),
      compressions,
      async (all, segment_bytes, restartEvery, forms) => {
        using temp = tempDirectory();
        const log = memoryLog();
        let life = 0;
        const start = (): Journal => {
          const compression = forms[life++ % forms.length] as Compression;
          return new Journal(journalOptions(temp.path, { segment_bytes, segments: 1000, compression }), log);
        };
        let journal = start();
        for (const [i, batch] of all.entries()) {
          journal.append('oom', Buffer.from(batch.join('')), batch.length);
          if (i % 8 === restartEvery) {
            if (i % 3 === 0) await journal.packed();
            await journal.close();
            journal = start();
          }
        }
        const sequence = journal.status().oom?.sequence ?? 0;
        await journal.close();
        assert.equal(sequence, all.flat().length);
        if (all.length > 0) assert.equal(streamText(temp.path, 'oom'), all.flat().join(''));
        const { text, lost } = await readStream(temp.path);
        assert.deepEqual([text, lost, log.lines], [all.flat().join(''), 0, []]);
      },
    ),
    { numRuns: 40 },
  );
});

test('with caps, what is left is the end of what was appended, and the rest is counted as expired', async () => {
  const sizes = fc.record({
    segment_bytes: fc.integer({ min: 1, max: 2000 }),
    segments: fc.integer({ min: 1, max: 5 }),
    compression: fc.constantFrom<Compression>('off', 'sealed', 'live'),
  });
  await fc.assert(
    fc.asyncProperty(batches, sizes, async (all, { segment_bytes, segments, compression }) => {
      fc.pre(all.length > 0);
      using temp = tempDirectory();
      const total_bytes = 100_000;
      const journal = new Journal(
        journalOptions(temp.path, { segment_bytes, segments, total_bytes, compression }),
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
