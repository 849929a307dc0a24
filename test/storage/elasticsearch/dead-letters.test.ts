/** Documents that were rejected, on the disk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadLetters, deadLetterDirectory } from '../../../src/storage/elasticsearch/dead-letters.ts';
import { eventually } from '../../support/eventually.ts';
import { memoryLog, segmentFiles, streamText, tempDirectory } from '../journal/fixture.ts';

test('segments of dead letters that are full are compressed, and no letter is lost by it', async () => {
  using temp = tempDirectory();
  const letters = new DeadLetters(temp.path, 1 << 20, memoryLog());
  const letter = (n: number) => ({
    id: `id-${n}`,
    status: 400,
    type: 'document_parsing_exception',
    reason: 'no number',
    document: Buffer.from(JSON.stringify({ n, text: 'x'.repeat(1000) })),
  });
  for (let first = 0; first < 400; first += 40)
    await letters.add(
      'oom',
      Array.from({ length: 40 }, (_, n) => letter(first + n)),
    );
  const directory = deadLetterDirectory(temp.path);
  await eventually('compressed segments', () => {
    const files = segmentFiles(directory, 'oom');
    return files.length > 1 && files.slice(0, -1).every((name) => name.endsWith('.ndjson.zst'));
  });
  await letters.close();
  const lines = streamText(directory, 'oom').trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).event_id),
    Array.from({ length: 400 }, (_, n) => `id-${n}`),
  );
});
