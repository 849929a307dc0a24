/** The segment in use, compressed as it is written: read while it grows, and after it was given full frames. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readEvents } from '../../../src/storage/journal/events.ts';
import { parsePrelude } from '../../../src/storage/journal/frames.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { StreamReader } from '../../../src/storage/journal/reader.ts';
import { documentLines } from '../elasticsearch/fixture.ts';
import { journalOptions, lines, memoryLog, segmentFiles, tempDirectory } from './fixture.ts';

const live = (directory: string, segment_bytes = 1 << 20): Journal =>
  new Journal(journalOptions(directory, { segment_bytes, segments: 1000, compression: 'live' }), memoryLog());

/** Numbers of the documents that there are now. */
async function numbersOf(reader: StreamReader): Promise<number[]> {
  const numbers: number[] = [];
  for (let block = await reader.next(); block; block = await reader.next()) {
    assert.deepEqual([block.lost, block.repeats], [0, false]);
    for (const line of block.lines.toString().trimEnd().split('\n'))
      numbers.push((JSON.parse(line) as { n: number }).n);
  }
  return numbers;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

test('a reader gets every batch when append has returned, however often it lets go of the file', async () => {
  using temp = tempDirectory();
  const journal = live(temp.path);
  const reader = new StreamReader(join(temp.path, 'oom'), 'start');
  for (let n = 0; n < 400; n += 4) {
    journal.append('oom', lines(4, n, 2000), 4);
    assert.deepEqual(await numbersOf(reader), range(n, n + 4));
    if (n % 3 === 0) await reader.release();
  }
  const other = new StreamReader(join(temp.path, 'oom'), { sequence: 123 });
  assert.deepEqual(await numbersOf(other), range(123, 400));
  const newest = new StreamReader(join(temp.path, 'oom'), 'end');
  assert.deepEqual(await numbersOf(newest), []);
  assert.equal(newest.place.sequence, 400);
  for (const one of [reader, other, newest]) await one.close();
  await journal.close();
});

test('batches of one document become full frames when the segment is full, and a bookmark within it stays what it was', async () => {
  using temp = tempDirectory();
  const journal = live(temp.path, 100_000);
  const reader = new StreamReader(join(temp.path, 'oom'), 'start', 2000);
  for (let n = 0; n < 50; n++) journal.append('oom', lines(1, n, 500), 1);
  const block = (await reader.next()) ?? assert.fail();
  await reader.release();
  for (let n = 50; n < 400; n++) journal.append('oom', lines(1, n, 500), 1);
  const { segments = 0, bytes_before = 0, bytes_after = 0 } = (await journal.packed()) ?? {};
  assert.ok(segments > 1 && bytes_after < bytes_before / 4, `${bytes_before} ${bytes_after}`);
  const [first = ''] = segmentFiles(temp.path, 'oom');
  assert.match(first, /^\d{20}\.ndjson\.zst$/);
  const prelude = parsePrelude(readFileSync(join(temp.path, 'oom', first)));
  assert.ok((prelude?.documents ?? 0) > 100, `${prelude?.documents} documents in the first frame`);
  const other = new StreamReader(join(temp.path, 'oom'), block.end);
  for (const one of [reader, other]) {
    assert.deepEqual(await numbersOf(one), range(block.documents, 400));
    await one.close();
  }
  await journal.close();
});

test('a segment of long batches is done when it is full: it only gets its name', async () => {
  using temp = tempDirectory();
  const journal = live(temp.path, 300_000);
  for (let n = 0; n < 3000; n += 500) journal.append('oom', lines(500, n, 400), 500);
  const { segments = 0, bytes_before, bytes_after } = (await journal.packed()) ?? {};
  assert.ok(segments > 0);
  assert.equal(bytes_after, bytes_before);
  assert.deepEqual(
    segmentFiles(temp.path, 'oom').map((name) => name.slice(20)),
    [...Array(segments).fill('.ndjson.zst'), '.live.ndjson.zst'],
  );
  await journal.close();
  const again = live(temp.path, 300_000);
  assert.equal(again.status().oom?.sequence, 3000);
  await again.close();
});

test('damage in a live segment costs its frame, also when it is given full frames after that', async () => {
  using temp = tempDirectory();
  const journal = live(temp.path);
  for (let n = 0; n < 60; n += 3) journal.append('oom', lines(3, n, 50), 3);
  await journal.close();
  const [name = ''] = segmentFiles(temp.path, 'oom');
  const path = join(temp.path, 'oom', name);
  const bytes = readFileSync(path);
  const prelude = parsePrelude(bytes) ?? assert.fail();
  // Within the second frame.
  const at = 40 + prelude.frame_bytes + 60;
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(path, bytes);
  const left = [...range(0, 3), ...range(6, 60)];
  const check = async (): Promise<void> => {
    const reader = new StreamReader(join(temp.path, 'oom'), 'start');
    const numbers: number[] = [];
    let lost = 0;
    for (let block = await reader.next(); block; block = await reader.next()) {
      numbers.push(...(block.lines.toString().match(/(?<="n":)\d+/g) ?? []).map(Number));
      lost += block.lost;
    }
    await reader.close();
    assert.deepEqual([numbers, lost], [left, 3]);
  };
  await check();
  const sealed = new Journal(journalOptions(temp.path, { compression: 'sealed' }), memoryLog());
  await sealed.packed();
  assert.match(segmentFiles(temp.path, 'oom')[0] ?? '', /^\d{20}\.ndjson\.zst$/);
  assert.equal(sealed.status().oom?.lost_documents, 3);
  await check();
  await sealed.close();
});

test('huatuo events follows live segments, over a change to another form', { timeout: 60_000 }, async () => {
  using temp = tempDirectory();
  let journal = live(temp.path, 20_000);
  journal.append('oom', documentLines(0, 5), 5);
  const stop = new AbortController();
  const query = { tracers: [], conditions: [], follow: true, after: new Map([['oom', 0]]) };
  const found: number[] = [];
  const forms = ['sealed', 'live', 'off', 'live'] as const;
  for await (const { events, lost } of readEvents(temp.path, query, stop.signal)) {
    assert.equal(lost, 0);
    found.push(...events.map(({ line }) => JSON.parse(line.toString()).tracer_data.victim.pid as number));
    if (found.length < 200 && found.length % 5 === 0) {
      if (found.length % 40 === 0) {
        await journal.close();
        const compression = forms[(found.length / 40) % forms.length] ?? 'off';
        journal = new Journal(
          journalOptions(temp.path, { segment_bytes: 20_000, segments: 100, compression }),
          memoryLog(),
        );
      }
      journal.append('oom', documentLines(found.length, 5), 5);
    }
    if (found.length >= 200) stop.abort();
  }
  assert.deepEqual(found, range(0, 200));
  await journal.close();
});
