import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Bookmark } from '../../../src/storage/journal/bookmark.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { type Block, type From, StreamReader } from '../../../src/storage/journal/reader.ts';
import { journalOptions, lines, memoryLog, segmentFiles, tempDirectory } from './fixture.ts';

interface Read {
  readonly numbers: number[];
  readonly lost: number;
  readonly repeats: boolean;
  readonly end: Bookmark;
}

async function readAll(reader: StreamReader): Promise<Read> {
  const numbers: number[] = [];
  let lost = 0;
  let repeats = false;
  for (let block = await reader.next(); block; block = await reader.next()) {
    const text = block.lines.toString();
    numbers.push(
      ...text
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as { n: number }).n),
    );
    lost += block.lost;
    repeats ||= block.repeats;
  }
  return { numbers, lost, repeats, end: reader.place };
}

async function readFrom(directory: string, from: From, blockBytes = 200): Promise<Read> {
  const reader = new StreamReader(join(directory, 'oom'), from, blockBytes);
  const read = await readAll(reader);
  await reader.close();
  return read;
}

const firstOf = (name: string): number => Number.parseInt(name, 10);

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** A journal with lines 0 to `count` in segments of about 25. */
async function written(directory: string, count: number, segments = 100): Promise<Journal> {
  const journal = new Journal(journalOptions(directory, { segment_bytes: 1000, segments }), memoryLog());
  for (let n = 0; n < count; n += 5) journal.append('oom', lines(5, n), 5);
  return journal;
}

test('a reader gives every document of all segments once, in order, and then those that come', async () => {
  using temp = tempDirectory();
  const journal = await written(temp.path, 100);
  const reader = new StreamReader(join(temp.path, 'oom'), 'start', 200);
  assert.deepEqual((await readAll(reader)).numbers, range(0, 100));
  assert.equal(await reader.next(), undefined);
  journal.append('oom', lines(30, 100), 30);
  const more = await readAll(reader);
  assert.deepEqual(more.numbers, range(100, 130));
  assert.deepEqual([more.lost, more.repeats, more.end.sequence], [0, false, 130]);
  await reader.close();
  await journal.close();
});

test('a line that is longer than a block is given whole', async () => {
  using temp = tempDirectory();
  const journal = await written(temp.path, 5);
  journal.append('oom', lines(2, 5, 5000), 2);
  assert.deepEqual((await readFrom(temp.path, 'start')).numbers, range(0, 7));
  await journal.close();
});

test('a bookmark goes on where it was made; released, the reader holds no file and goes on too', async () => {
  using temp = tempDirectory();
  const journal = await written(temp.path, 100);
  const reader = new StreamReader(join(temp.path, 'oom'), 'start', 200);
  const first = (await reader.next()) as Block;
  await reader.release();
  const rest = await readAll(reader);
  assert.deepEqual(rest.numbers, range(first.documents, 100));
  assert.deepEqual((await readFrom(temp.path, first.end)).numbers, range(first.documents, 100));
  assert.deepEqual((await readFrom(temp.path, { sequence: 42 })).numbers, range(42, 100));
  assert.deepEqual((await readFrom(temp.path, 'end')).numbers, []);
  assert.equal((await readFrom(temp.path, 'end')).end.sequence, 100);
  await reader.close();
  await journal.close();
});

test('what was expired before it was read is counted', async () => {
  using temp = tempDirectory();
  const journal = await written(temp.path, 20, 3);
  const { end } = await readFrom(temp.path, 'start');
  for (let n = 20; n < 300; n += 5) journal.append('oom', lines(5, n), 5);
  const read = await readFrom(temp.path, end);
  assert.equal(read.numbers.length + read.lost, 280);
  assert.ok(read.lost > 100, `${read.lost}`);
  assert.deepEqual(read.numbers, range(20 + read.lost, 300));
  await journal.close();
});

test('a segment that was deleted, and one that was cut, cost what was in them', async () => {
  using temp = tempDirectory();
  await (await written(temp.path, 100)).close();
  const [, second = '', third = '', fourth = ''] = segmentFiles(temp.path, 'oom');
  rmSync(join(temp.path, 'oom', second));
  const path = join(temp.path, 'oom', third);
  const text = readFileSync(path, 'utf8');
  truncateSync(path, text.indexOf('\n') + 10);
  const read = await readFrom(temp.path, 'start');
  const expected = [...range(0, firstOf(second)), firstOf(third)];
  assert.deepEqual(read.numbers, [...expected, ...range(firstOf(fourth), 100)]);
  assert.equal(read.lost, 100 - read.numbers.length);
});

test('a bookmark that does not fit leads to the start of its segment: documents repeat, none is passed over', async () => {
  using temp = tempDirectory();
  await (await written(temp.path, 100)).close();
  const { end } = await readFrom(temp.path, 'start');
  const last = segmentFiles(temp.path, 'oom').at(-1) ?? '';
  const path = join(temp.path, 'oom', last);
  // A power failure took the end, and other documents came to stand there.
  writeFileSync(path, readFileSync(path).subarray(0, 80));
  writeFileSync(path, lines(20, 500));
  const read = await readFrom(temp.path, end);
  assert.equal(read.repeats, true);
  assert.deepEqual(read.numbers, range(500, 520));
  const elsewhere = await readFrom(temp.path, { ...end, segment: 4711, offset: 3, sequence: 9999 });
  assert.equal(elsewhere.repeats, true);
  assert.equal(elsewhere.numbers[0], 0);
});

test('lines that were taken back while the reader waited at their end are read anew', async () => {
  using temp = tempDirectory();
  await (await written(temp.path, 10)).close();
  const path = join(temp.path, 'oom', segmentFiles(temp.path, 'oom')[0] ?? '');
  const reader = new StreamReader(join(temp.path, 'oom'), 'start');
  assert.deepEqual((await readAll(reader)).numbers, range(0, 10));
  writeFileSync(path, Buffer.concat([lines(8, 0), lines(4, 20)]));
  const read = await readAll(reader);
  assert.equal(read.repeats, true);
  assert.deepEqual(read.numbers, [...range(0, 8), ...range(20, 24)]);
  await reader.close();
});

test('a directory that is not there has nothing, until it has', async () => {
  using temp = tempDirectory();
  const reader = new StreamReader(join(temp.path, 'oom'), 'end');
  assert.equal(await reader.next(), undefined);
  const journal = await written(temp.path, 5);
  await reader.close();
  await journal.close();
});

test('compressed segments read as before: from the start, from a bookmark, while they are being compressed', async () => {
  using temp = tempDirectory();
  const plain = await written(temp.path, 100);
  const reader = new StreamReader(join(temp.path, 'oom'), 'start', 200);
  const first = (await reader.next()) as Block;
  await plain.close();
  const journal = new Journal({ ...journalOptions(temp.path), compression: 'sealed' }, memoryLog());
  const { segments = 0, bytes_before = 0, bytes_after = 0 } = (await journal.packed()) ?? {};
  assert.ok(segments > 2 && bytes_after < bytes_before / 2, `${segments} ${bytes_before} ${bytes_after}`);
  assert.equal(segmentFiles(temp.path, 'oom').filter((name) => name.endsWith('.zst')).length, segments);
  assert.deepEqual((await readAll(reader)).numbers, range(first.documents, 100));
  const { numbers, lost, repeats } = await readFrom(temp.path, first.end);
  assert.deepEqual([numbers, lost, repeats], [range(first.documents, 100), 0, false]);
  assert.deepEqual((await readFrom(temp.path, { sequence: 42 })).numbers, range(42, 100));
  await reader.close();
  await journal.close();
  assert.equal(memoryLog().lines.length, 0);
});

test('a flipped byte in a compressed segment costs its frame and is counted', async () => {
  using temp = tempDirectory();
  const journal = new Journal(
    { ...journalOptions(temp.path, { segment_bytes: 1000 }), compression: 'sealed' },
    memoryLog(),
  );
  for (let n = 0; n < 100; n += 5) journal.append('oom', lines(5, n), 5);
  await journal.packed();
  await journal.close();
  const [, second = '', third = ''] = segmentFiles(temp.path, 'oom');
  const path = join(temp.path, 'oom', second);
  const bytes = readFileSync(path);
  bytes[bytes.length - 20]! ^= 1;
  writeFileSync(path, bytes);
  const damaged = firstOf(third) - firstOf(second);
  const read = await readFrom(temp.path, 'start');
  assert.equal(read.lost, damaged);
  assert.deepEqual(read.numbers, [...range(0, firstOf(second)), ...range(firstOf(third), 100)]);
  // A cut one as well.
  writeFileSync(path, bytes.subarray(0, bytes.length / 2));
  assert.equal((await readFrom(temp.path, 'start')).lost, damaged);
});
