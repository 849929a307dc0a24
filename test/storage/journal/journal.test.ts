import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { journalOptions, lines, memoryLog, segmentFiles, streamText, tempDirectory } from './fixture.ts';

const first = (n: number): string => `${String(n).padStart(20, '0')}.ndjson`;

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
  assert.throws(() => journal.append('oom', lines(100), 100), { code: 'JOURNAL_FAILED' });
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

test('a foreign file is left alone and reported once', async () => {
  using temp = tempDirectory();
  mkdirSync(join(temp.path, 'oom'));
  writeFileSync(join(temp.path, 'oom', 'notes.txt'), 'mine');
  writeFileSync(join(temp.path, 'README'), 'mine too');
  mkdirSync(join(temp.path, 'oom', first(7)));
  const log = memoryLog();
  const journal = new Journal(journalOptions(temp.path, { segment_bytes: 1, segments: 1 }), log);
  for (let i = 0; i < 3; i++) journal.append('oom', lines(1), 1);
  await journal.close();
  assert.deepEqual(segmentFiles(temp.path, 'oom'), [first(2), first(7), 'notes.txt']);
  assert.equal(log.lines.length, 3);
});

test('a segment that someone deletes is replaced; later documents are on disk under their own numbers', async () => {
  using temp = tempDirectory();
  const log = memoryLog();
  const journal = new Journal(journalOptions(temp.path), log);
  journal.append('oom', lines(2), 2);
  rmSync(join(temp.path, 'oom'), { recursive: true });
  journal.append('oom', lines(1, 2), 1);
  assert.equal(streamText(temp.path, 'oom'), lines(1, 2).toString());
  assert.deepEqual(segmentFiles(temp.path, 'oom'), [first(2)]);
  assert.match(log.lines.join(), /deleted by someone else/);
  await journal.close();
});

test('a segment that someone empties is appended to from its start', async () => {
  using temp = tempDirectory();
  const journal = new Journal(journalOptions(temp.path), memoryLog());
  journal.append('oom', lines(2), 2);
  truncateSync(join(temp.path, 'oom', first(0)));
  journal.append('oom', lines(1, 2), 1);
  assert.equal(streamText(temp.path, 'oom'), lines(1, 2).toString());
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
