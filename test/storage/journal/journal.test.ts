import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PRELUDE_BYTES, parsePrelude } from '../../../src/storage/journal/frames.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { parseSegmentName } from '../../../src/storage/journal/segment.ts';
import { segmentBytes } from '../../support/segment-text.ts';
import {
  journalOptions,
  lines,
  memoryLog,
  noise,
  segmentFiles,
  streamText,
  tempDirectory,
} from './fixture.ts';

const first = (n: number): string => `${String(n).padStart(20, '0')}.ndjson`;

/** A journal with documents of `oom`, closed again. */
async function written(directory: string, documents: number): Promise<void> {
  const journal = new Journal(journalOptions(directory), memoryLog());
  journal.append('oom', lines(documents), documents);
  await journal.close();
}

test('batches are in the file in the order they were appended, when append returns', async () => {
  using temp = tempDirectory();
  const journal = new Journal(journalOptions(temp.path), memoryLog());
  journal.append('oom', lines(3, 0), 3);
  journal.append('oom', lines(2, 3), 2);
  assert.equal(streamText(temp.path, 'oom'), lines(5).toString());
  const { documents, batches, sequence, bytes } = journal.status().oom ?? assert.fail();
  assert.deepEqual(
    { documents, batches, sequence, bytes },
    { documents: 5, batches: 2, sequence: 5, bytes: lines(5).length },
  );
  await journal.close();
});

test('directories are 0700 and files 0600, whatever the umask', async () => {
  using temp = tempDirectory();
  const directory = join(temp.path, 'journal');
  for (const umask of [0o000, 0o377]) {
    const former = process.umask(umask);
    try {
      const journal = new Journal(journalOptions(directory), memoryLog());
      journal.append('oom', lines(1), 1);
      await journal.close();
    } finally {
      process.umask(former);
    }
    const mode = (...path: string[]): number => statSync(join(directory, ...path)).mode & 0o7777;
    assert.equal(mode(), 0o700);
    assert.equal(mode('oom'), 0o700);
    assert.equal(mode('oom', first(0)), 0o600);
    rmSync(directory, { recursive: true });
  }
});

test('a segment is full before a batch would pass its size, and its successor is named by its first document', async () => {
  using temp = tempDirectory();
  const batch = lines(10);
  const journal = new Journal(
    journalOptions(temp.path, { segment_bytes: batch.length * 2 + 1 }),
    memoryLog(),
  );
  for (let i = 0; i < 5; i++) journal.append('oom', batch, 10);
  assert.deepEqual(segmentFiles(temp.path, 'oom'), [first(0), first(20), first(40)]);
  await journal.close();
});

test('a batch longer than a segment gets a segment of its own', async () => {
  using temp = tempDirectory();
  const journal = new Journal(journalOptions(temp.path, { segment_bytes: 100 }), memoryLog());
  journal.append('oom', lines(1), 1);
  journal.append('oom', lines(50, 1), 50);
  journal.append('oom', lines(1, 51), 1);
  assert.deepEqual(segmentFiles(temp.path, 'oom'), [first(0), first(1), first(51)]);
  await journal.close();
});

test('the oldest segments beyond the count are deleted and their documents counted', async () => {
  using temp = tempDirectory();
  const journal = new Journal(journalOptions(temp.path, { segment_bytes: 1, segments: 3 }), memoryLog());
  for (let i = 0; i < 7; i++) journal.append('oom', lines(2, 2 * i), 2);
  assert.deepEqual(segmentFiles(temp.path, 'oom'), [first(8), first(10), first(12)]);
  assert.equal(journal.status().oom?.expired_documents, 8);
  await journal.close();
});

test('compressed segments are more, while they take no more of the disk than as many full plain ones', async () => {
  using temp = tempDirectory();
  const batch = lines(50, 0, 1000);
  const segment_bytes = batch.length;
  const options = journalOptions(temp.path, { segment_bytes, segments: 2, compression: 'live' });
  const journal = new Journal(options, memoryLog());
  for (let i = 0; i < 200; i++) journal.append('oom', lines(50, 50 * i, 1000), 50);
  const { segments, expired_documents, segment_bytes: on_disk } = journal.status().oom ?? assert.fail();
  // Empty ones would be without end.
  assert.deepEqual([segments, expired_documents], [128, 72 * 50]);
  assert.ok(on_disk <= 2 * segment_bytes, `${on_disk}`);
  for (let i = 200; i < 230; i++) journal.append('oom', noise(50, 50 * i, 1000), 50);
  const after = journal.status().oom ?? assert.fail();
  assert.ok(after.segments < 20 && after.segment_bytes <= 2 * segment_bytes, `${after.segments}`);
  await journal.close();
});

test('one segment alone may be kept', async () => {
  using temp = tempDirectory();
  const journal = new Journal(journalOptions(temp.path, { segment_bytes: 1, segments: 1 }), memoryLog());
  for (let i = 0; i < 3; i++) journal.append('oom', lines(1, i), 1);
  assert.deepEqual(segmentFiles(temp.path, 'oom'), [first(2)]);
  assert.equal(journal.status().oom?.expired_documents, 2);
  await journal.close();
});

test('the total cap deletes what was written longest ago, whosever it is, and keeps the sequence', async () => {
  using temp = tempDirectory();
  const batch = lines(10);
  const options = journalOptions(temp.path, { segment_bytes: batch.length, total_bytes: batch.length * 3 });
  const before = new Journal(options, memoryLog());
  before.append('quiet', batch, 10);
  await before.close();
  utimesSync(join(temp.path, 'quiet', first(0)), 1, 1);

  const journal = new Journal(options, memoryLog());
  for (let i = 0; i < 3; i++) journal.append('busy', batch, 10);
  assert.equal(journal.status().quiet?.expired_documents, 10);
  assert.deepEqual(segmentFiles(temp.path, 'quiet'), [first(10)]);
  assert.equal(streamText(temp.path, 'quiet'), '');
  journal.append('busy', batch, 10);
  assert.equal(journal.status().busy?.expired_documents, 10);
  assert.equal(streamText(temp.path, 'busy').length, batch.length * 3);
  await journal.close();

  const again = new Journal(options, memoryLog());
  assert.equal(again.status().quiet?.sequence, 10);
  assert.equal(again.status().busy?.sequence, 40);
  await again.close();
});

test('a batch beyond the total cap is refused, and nothing is deleted for it', async () => {
  using temp = tempDirectory();
  const journal = new Journal(
    journalOptions(temp.path, { segment_bytes: 10, total_bytes: 1000 }),
    memoryLog(),
  );
  for (let i = 0; i < 3; i++) journal.append('oom', lines(1, i), 1);
  assert.throws(() => journal.append('oom', lines(100), 100), { code: 'DOCUMENT_TOO_LARGE' });
  assert.equal(streamText(temp.path, 'oom'), lines(3).toString());
  const { refused_batches, sequence } = journal.status().oom ?? assert.fail();
  assert.deepEqual({ refused_batches, sequence }, { refused_batches: 1, sequence: 3 });
  await journal.close();
});

test('a stream goes on where the former agent stopped', async () => {
  using temp = tempDirectory();
  const options = journalOptions(temp.path, { segment_bytes: 100 });
  for (let i = 0; i < 4; i++) {
    const journal = new Journal(options, memoryLog());
    assert.equal(journal.status().oom?.sequence ?? 0, i * 3);
    journal.append('oom', lines(3, i * 3), 3);
    await journal.close();
  }
  assert.equal(streamText(temp.path, 'oom'), lines(12).toString());
});

test('foreign files are left alone and reported in one line for each directory, however many they are', async () => {
  using temp = tempDirectory();
  await written(temp.path, 1);
  writeFileSync(join(temp.path, 'oom', 'notes.txt'), 'mine');
  for (let i = 0; i < 100; i++) writeFileSync(join(temp.path, `README${i}`), 'mine too');
  mkdirSync(join(temp.path, 'oom', first(7)));
  const log = memoryLog();
  const journal = new Journal(journalOptions(temp.path, { segment_bytes: 1, segments: 1 }), log);
  for (let i = 1; i < 3; i++) journal.append('oom', lines(1), 1);
  journal.inspect();
  await journal.close();
  assert.deepEqual(segmentFiles(temp.path, 'oom'), [first(2), first(7), 'notes.txt']);
  assert.equal(log.lines.length, 2);
});

test('nothing is written into a directory of others, also one with the name of a tracer', async () => {
  using temp = tempDirectory();
  for (const name of ['etc', 'lib']) mkdirSync(join(temp.path, name), { mode: 0o700 });
  writeFileSync(join(temp.path, 'etc', 'passwd'), 'x');
  const journal = new Journal(journalOptions(temp.path), memoryLog());
  assert.throws(() => journal.append('etc', lines(1), 1), {
    code: 'DIRECTORY_NOT_WRITABLE',
    message: /of others/,
  });
  journal.append('oom', lines(1), 1);
  await journal.close();
  assert.deepEqual(readdirSync(join(temp.path, 'etc')), ['passwd']);
  assert.deepEqual(readdirSync(join(temp.path, 'lib')), []);
});

/** Cuts a segment behind its first document, and so many bytes later. */
function cutAfterFirst(path: string, bytes: number): void {
  const content = readFileSync(path);
  const prelude = parsePrelude(content);
  const end = prelude ? PRELUDE_BYTES + prelude.frame_bytes : content.indexOf('\n') + 1;
  truncateSync(path, end + bytes);
}

/** A piece of a line is none. */
function wholeLines(path: string): string {
  const text = segmentBytes(path).toString();
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

/** What becomes of documents 0 … 5, in two segments of three, and of two more that are appended after it was done. */
const DAMAGE: readonly {
  readonly what: string;
  /** @param name of the segment that begins with a document */
  readonly damage: (stream: string, name: (first: number) => string) => void;
  readonly lost: number;
  readonly left: string;
  /** Of the segment in use; both unless it says so. */
  readonly form?: 'plain' | 'live';
}[] = [
  {
    what: 'the segment in use is deleted',
    damage: (stream, name) => rmSync(join(stream, name(3))),
    lost: 3,
    left: lines(3).toString() + lines(2, 6).toString(),
  },
  {
    what: 'the segment in use is renamed, as logrotate does',
    damage: (stream, name) => renameSync(join(stream, name(3)), join(stream, `${name(3)}.1`)),
    lost: 3,
    left: lines(3).toString() + lines(2, 6).toString(),
  },
  {
    what: 'another file has the name of the segment in use',
    damage: (stream, name) => {
      const path = join(stream, name(3));
      renameSync(path, join(stream, '.old'));
      copyFileSync(join(stream, '.old'), path);
    },
    // Its content counts, whoever made it.
    lost: 0,
    left: lines(8).toString(),
  },
  {
    what: 'the segment in use is emptied',
    damage: (stream, name) => truncateSync(join(stream, name(3))),
    lost: 3,
    left: lines(3).toString() + lines(2, 6).toString(),
  },
  {
    what: 'the segment in use is cut within a line',
    damage: (stream, name) => cutAfterFirst(join(stream, name(3)), 4),
    lost: 2,
    left: lines(4).toString() + lines(2, 6).toString(),
  },
  {
    what: 'a closed segment is deleted',
    damage: (stream, name) => rmSync(join(stream, name(0))),
    lost: 3,
    left: lines(5, 3).toString(),
  },
  {
    what: 'a closed segment is cut',
    damage: (stream, name) => cutAfterFirst(join(stream, name(0)), 0),
    lost: 2,
    left: lines(1).toString() + lines(5, 3).toString(),
    form: 'plain',
  },
  {
    what: 'a closed segment, which is one frame by then, is cut',
    damage: (stream, name) => truncateSync(join(stream, name(0)), PRELUDE_BYTES + 10),
    lost: 3,
    left: lines(5, 3).toString(),
    form: 'live',
  },
  {
    what: 'the directory of the tracer is deleted',
    damage: (stream) => rmSync(stream, { recursive: true }),
    lost: 6,
    left: lines(2, 6).toString(),
  },
];
for (const [form, compression] of [
  ['plain', 'off'],
  ['live', 'live'],
] as const)
  for (const { what, damage, lost, left } of DAMAGE.filter((one) => (one.form ?? form) === form))
    test(`${form}: when ${what}, what is appended is in a file with the name of a segment, and what is gone is counted, over a restart too`, async () => {
      using temp = tempDirectory();
      const log = memoryLog();
      const options = journalOptions(temp.path, { segment_bytes: lines(3).length, compression });
      const journal = new Journal(options, log);
      for (let n = 0; n < 6; n++) journal.append('oom', lines(1, n), 1);
      // Else the segment that is full may be compressed by then.
      await journal.packed();
      damage(
        join(temp.path, 'oom'),
        (n) => segmentFiles(temp.path, 'oom').find((file) => file.startsWith(first(n).slice(0, 20))) ?? '',
      );
      journal.append('oom', lines(1, 6), 1);
      journal.append('oom', lines(1, 7), 1);
      journal.inspect();
      assert.equal(journal.status().oom?.failing, lost > 0);
      const { sequence, stored_documents, lost_documents, expired_documents } =
        journal.status().oom ?? assert.fail();
      const found = { sequence, stored_documents, lost_documents, expired_documents };
      assert.deepEqual(found, {
        sequence: 8,
        stored_documents: 8 - lost,
        lost_documents: lost,
        expired_documents: 0,
      });
      const segments = segmentFiles(temp.path, 'oom').filter((name) => parseSegmentName(name));
      assert.equal(segments.map((name) => wholeLines(join(temp.path, 'oom', name))).join(''), left);
      assert.ok(log.lines.some((text) => /^warn .*by others/.test(text)));
      await journal.close();

      const again = new Journal(options, memoryLog());
      const {
        lost_documents: still,
        sequence: next,
        stored_documents: kept,
      } = again.status().oom ?? assert.fail();
      assert.deepEqual({ next, still, kept }, { next: 8, still: lost, kept: 8 - lost });
      await again.close();
    });

test('expired, lost and stored are all there were, over restarts', async () => {
  using temp = tempDirectory();
  const options = journalOptions(temp.path, { segment_bytes: lines(1, 10).length, segments: 4 });
  for (let n = 10; n < 30; n++) {
    const journal = new Journal(options, memoryLog());
    journal.append('oom', lines(1, n), 1);
    journal.append('oom', lines(1, n), 1);
    if (n % 7 === 0) rmSync(join(temp.path, 'oom', segmentFiles(temp.path, 'oom')[1] ?? ''));
    journal.inspect();
    const status = journal.status().oom ?? assert.fail();
    assert.equal(status.sequence, (n - 9) * 2);
    assert.equal(status.stored_documents + status.expired_documents + status.lost_documents, status.sequence);
    assert.equal(status.stored_documents, streamText(temp.path, 'oom').split('\n').length - 1);
    assert.equal(status.lost_documents, Math.floor(n / 7) - 1);
    await journal.close();
  }
});

test('a stream of which others have taken the end has no fewer than no documents', async () => {
  using temp = tempDirectory();
  const options = journalOptions(temp.path);
  const journal = new Journal(options, memoryLog());
  journal.append('oom', lines(5), 5);
  truncateSync(join(temp.path, 'oom', first(0)), lines(1).length);
  journal.append('oom', lines(3, 5), 3);
  assert.equal(journal.status().oom?.lost_documents, 4);
  rmSync(join(temp.path, 'oom', first(5)));
  await journal.close();
  appendFileSync(join(temp.path, 'oom', first(0)), lines(1, 1));

  const again = new Journal(options, memoryLog());
  const { sequence, stored_documents, lost_documents, expired_documents } =
    again.status().oom ?? assert.fail();
  assert.ok(stored_documents >= 0, `${stored_documents} documents`);
  assert.equal(sequence, stored_documents + expired_documents + lost_documents);
  await again.close();
});

test('a journal that no one watches over makes its directory again', async () => {
  using temp = tempDirectory();
  const directory = join(temp.path, 'journal');
  const journal = new Journal(journalOptions(directory), memoryLog());
  journal.append('oom', lines(2), 2);
  rmSync(directory, { recursive: true });
  journal.append('oom', lines(1, 2), 1);
  assert.equal(streamText(directory, 'oom'), lines(1, 2).toString());
  assert.equal(journal.status().oom?.lost_documents, 2);
  await journal.close();
});

test('when the directory was replaced nothing is written until it is taken anew; then numbers go on', async () => {
  using temp = tempDirectory();
  const directory = join(temp.path, 'journal');
  const journal = new Journal(journalOptions(directory), memoryLog());
  let noticed = 0;
  journal.onAway = () => void noticed++;
  journal.append('oom', lines(2), 2);
  renameSync(directory, join(temp.path, 'elsewhere'));
  for (let n = 0; n < 3; n++)
    assert.throws(() => journal.append('oom', lines(1, 2), 1), { code: 'JOURNAL_FAILED' });
  assert.throws(() => journal.append('softirq', lines(1), 1), { code: 'JOURNAL_FAILED' });
  assert.equal(noticed, 1);
  assert.equal(existsSync(directory), false);
  journal.resume();
  journal.append('oom', lines(1, 2), 1);
  journal.append('softirq', lines(1), 1);
  assert.deepEqual(segmentFiles(directory, 'oom'), [first(2)]);
  assert.equal(streamText(directory, 'oom'), lines(1, 2).toString());
  assert.equal(streamText(join(temp.path, 'elsewhere'), 'oom'), lines(2).toString());
  const { sequence, lost_documents } = journal.status().oom ?? assert.fail();
  assert.deepEqual({ sequence, lost_documents }, { sequence: 3, lost_documents: 2 });
  await journal.close();
});

test('flush syncs what was written and says so in the status', async () => {
  using temp = tempDirectory();
  const journal = new Journal(journalOptions(temp.path, { segment_bytes: 1, segments: 100 }), memoryLog());
  assert.equal(journal.status().oom, undefined);
  for (let i = 0; i < 30; i++) journal.append('oom', lines(1, i), 1);
  await Promise.all([journal.flush(), journal.flush()]);
  const { fsync_age_ms, fsync_errors, segments } = journal.status().oom ?? assert.fail();
  assert.ok(fsync_age_ms !== null && fsync_age_ms >= 0);
  assert.deepEqual({ fsync_errors, segments }, { fsync_errors: 0, segments: 30 });
  await journal.close();
});

test('a name that is no tracer cannot leave the directory', async () => {
  using temp = tempDirectory();
  const journal = new Journal(journalOptions(temp.path), memoryLog());
  for (const name of ['../etc', '', 'A', '.lock', 'a/b', 'x'.repeat(65), 'a\0'])
    assert.throws(() => journal.append(name, lines(1), 1), { code: 'JOURNAL_FAILED' });
  assert.deepEqual(journal.status(), {});
  await journal.close();
});

test('sizes that make no sense are refused at start', () => {
  using temp = tempDirectory();
  for (const wrong of [
    { segment_bytes: 0 },
    { segments: 0.5 },
    { total_bytes: 10 },
    { fsync_interval_ms: 2 ** 31 },
  ])
    assert.throws(() => new Journal(journalOptions(temp.path, wrong), memoryLog()), {
      code: 'CONFIG_INVALID',
    });
});

test('a closed segment that was damaged while no agent ran is found, counted once, and named', async () => {
  using temp = tempDirectory();
  const options = journalOptions(temp.path, { segment_bytes: 4000, segments: 100, compression: 'sealed' });
  const former = new Journal(options, memoryLog());
  for (let n = 0; n < 1000; n += 10) former.append('oom', noise(10, n, 60), 10);
  await former.packed();
  await former.close();
  const [first = '', second = ''] = segmentFiles(temp.path, 'oom').filter((name) => name.endsWith('.zst'));
  const path = join(temp.path, 'oom', first);
  const bytes = readFileSync(path);
  bytes[bytes.length - 20]! ^= 0xff;
  writeFileSync(path, bytes);
  const documents = Number.parseInt(second, 10);
  const told: object[] = [];
  for (const life of [1, 2]) {
    const log = { ...memoryLog(), warn: (_: string, detail: object = {}) => void told.push(detail) };
    const journal = new Journal(options, log);
    for (let look = 0; look < 100; look++) await journal.verify();
    const { stored_documents, lost_documents, last_error } = journal.status().oom ?? assert.fail();
    assert.deepEqual([stored_documents, lost_documents], [1000 - documents, documents]);
    if (life === 1) assert.match(last_error ?? '', new RegExp(`frames are damaged in ${path}`));
    await journal.close();
  }
  assert.deepEqual(told, [{ path, lost_documents: documents }]);
});
