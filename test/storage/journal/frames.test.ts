/** What a damaged or cut row of frames costs: the documents of the frame, exactly, and no other; and nothing wrong is taken for right. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { walkFrames } from '../../../src/storage/journal/frame-walk.ts';
import { compressLines, withPrelude } from '../../../src/storage/journal/frames.ts';
import { StreamReader } from '../../../src/storage/journal/reader.ts';
import { segmentName } from '../../../src/storage/journal/segment.ts';
import { tempDirectory } from './fixture.ts';

interface Framed {
  readonly text: string;
  readonly documents: number;
  /** In the file. */
  readonly start: number;
  readonly end: number;
}

const document = fc
  .oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 300 }), fc.constant('x'.repeat(2000)))
  .map((text) => `${JSON.stringify({ text })}\n`);
const batches = fc.array(fc.array(document, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 });

/** A file of frames, one for each batch. */
function written(all: readonly (readonly string[])[]): { readonly file: Buffer; readonly frames: Framed[] } {
  let [documents_before, offset, start] = [0, 0, 0];
  const pieces: Buffer[] = [];
  const frames = all.map((batch): Framed => {
    const lines = Buffer.from(batch.join(''));
    const frame = compressLines(lines);
    const sizes = { lines_bytes: lines.length, frame_bytes: frame.length };
    const piece = withPrelude({ documents_before, offset, documents: batch.length, ...sizes }, frame);
    pieces.push(piece);
    const framed = { text: batch.join(''), documents: batch.length, start, end: start + piece.length };
    documents_before += batch.length;
    offset += lines.length;
    start = framed.end;
    return framed;
  });
  return { file: Buffer.concat(pieces), frames };
}

/** Reads a stream with this segment, and an empty one that says how many documents it had. */
async function read(
  file: Buffer,
  documents: number,
): Promise<{ readonly text: string; readonly lost: number }> {
  using temp = tempDirectory();
  writeFileSync(join(temp.path, segmentName(0, 'live')), file);
  writeFileSync(join(temp.path, segmentName(documents)), '');
  const reader = new StreamReader(temp.path, 'start', 4096);
  let [text, lost] = ['', 0];
  for (let block = await reader.next(); block; block = await reader.next()) {
    text += block.lines.toString();
    lost += block.lost;
  }
  await reader.close();
  return { text, lost };
}

const sum = (frames: readonly Framed[]): number => frames.reduce((all, { documents }) => all + documents, 0);
const textOf = (frames: readonly Framed[]): string => frames.map(({ text }) => text).join('');

test('a row of frames is what zstd reads, the command and the library', () => {
  fc.assert(
    fc.property(batches, (all) => {
      const { file, frames } = written(all);
      assert.equal(zstdDecompressSync(file).toString(), textOf(frames));
    }),
    { numRuns: 50 },
  );
  const { file, frames } = written([['{"n":0}\n', '{"n":1}\n'], ['{"n":2}\n']]);
  const { stdout, error } = spawnSync('zstd', ['-dc'], { input: file });
  if (!error) assert.equal(stdout.toString(), textOf(frames));
});

test('whatever byte is flipped, the documents of its frame are lost and counted, its neighbours are read, nothing else is', async () => {
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(), fc.integer({ min: 1, max: 255 }), async (all, where, flip) => {
      const { file, frames } = written(all);
      const at = where % file.length;
      file[at] = (file[at] as number) ^ flip;
      const others = frames.filter(({ start, end }) => at < start || at >= end);
      const { text, lost } = await read(file, sum(frames));
      // A bit that means nothing to zstd costs nothing.
      if (lost === 0) assert.equal(text, textOf(frames));
      else assert.deepEqual({ text, lost }, { text: textOf(others), lost: sum(frames) - sum(others) });
    }),
    { numRuns: 300 },
  );
});

test('wherever it is cut, the frames before it are read, and the rest is torn', async () => {
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(), async (all, where) => {
      const { file, frames } = written(all);
      const cut = where % file.length;
      const whole = frames.filter(({ end }) => end <= cut);
      const { text, lost } = await read(file.subarray(0, cut), sum(frames));
      assert.deepEqual({ text, lost }, { text: textOf(whole), lost: sum(frames) - sum(whole) });
      using temp = tempDirectory();
      writeFileSync(join(temp.path, 'file'), file);
      const fd = openSync(join(temp.path, 'file'), 'r');
      const walk = walkFrames(fd, cut);
      closeSync(fd);
      const bytes = whole.at(-1)?.end ?? 0;
      assert.deepEqual([walk.documents, walk.numbered, walk.bytes], [sum(whole), sum(whole), bytes]);
      assert.equal(walk.torn_documents > 0, bytes < cut);
    }),
    { numRuns: 150 },
  );
});

test('any bytes at all are no document, and end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
      const { text } = await read(Buffer.from(bytes), 1);
      assert.equal(text, '');
    }),
    { numRuns: 100 },
  );
});

test('a stretch of zeroes, as a power failure leaves it, costs the frames it covers', async () => {
  const { file, frames } = written(
    Array.from({ length: 300 }, (_, n) =>
      Array.from({ length: 40 }, (_, i) => `{"n":${n * 40 + i},"r":"${(n * 7919 + i * 104_729) % 1e6}"}\n`),
    ),
  );
  // Longer than what is looked through at once.
  const [from, to] = [frames[10] as Framed, frames[290] as Framed];
  file.fill(0, from.start + 5, to.start + 5);
  const left = [...frames.slice(0, 10), ...frames.slice(291)];
  const { text, lost } = await read(file, sum(frames));
  assert.deepEqual({ text, lost }, { text: textOf(left), lost: sum(frames) - sum(left) });
  assert.ok(to.start - from.start > 64 * 1024, `${to.start - from.start}`);
});

test('a frame whose prelude lies about its length, or that holds no checksum, is refused', async () => {
  const lines = Buffer.from('{"n":0}\n');
  const frame = compressLines(lines);
  const prelude = { documents_before: 0, offset: 0, documents: 1, frame_bytes: frame.length };
  for (const lines_bytes of [lines.length - 1, lines.length + 1])
    assert.deepEqual(await read(withPrelude({ ...prelude, lines_bytes }, frame), 1), { text: '', lost: 1 });
  frame[4] = (frame[4] as number) & ~4;
  const unchecked = frame.subarray(0, -4);
  const honest = { ...prelude, lines_bytes: lines.length, frame_bytes: unchecked.length };
  assert.deepEqual(await read(withPrelude(honest, unchecked), 1), { text: '', lost: 1 });
});
