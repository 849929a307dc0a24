import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { journalOptions, lines, memoryLog, tempDirectory } from './fixture.ts';

const open = (directory: string): Journal => new Journal(journalOptions(directory), memoryLog());
const asRoot = process.geteuid?.() === 0 ? {} : { skip: 'needs root, to be refused as another user' };

test('a missing directory is made, with its parents', async () => {
  using temp = tempDirectory();
  await open(join(temp.path, 'a', 'b')).close();
  await open(join(temp.path, 'a', 'b')).close();
});

test('a directory that is a symbolic link is refused', () => {
  using temp = tempDirectory();
  mkdirSync(join(temp.path, 'real'));
  symlinkSync(join(temp.path, 'real'), join(temp.path, 'link'));
  assert.throws(() => open(join(temp.path, 'link')), { code: 'DIRECTORY_NOT_WRITABLE' });
});

test('a directory that others can write is refused, with its mode and the remedy', () => {
  using temp = tempDirectory();
  for (const mode of [0o770, 0o702]) {
    chmodSync(temp.path, mode);
    assert.throws(() => open(temp.path), {
      code: 'DIRECTORY_NOT_WRITABLE',
      message: new RegExp(`mode 0${mode.toString(8)}; chown it to uid .* chmod it to 0700`),
    });
  }
});

test('a directory of another user is refused, with that user', asRoot, () => {
  using temp = tempDirectory();
  chownSync(temp.path, 12_345, 0);
  assert.throws(() => open(temp.path), { code: 'DIRECTORY_NOT_WRITABLE', message: /owned by uid 12345/ });
});

test('a path through a file is refused', () => {
  using temp = tempDirectory();
  writeFileSync(join(temp.path, 'file'), '');
  for (const path of ['file', 'file/journal'])
    assert.throws(() => open(join(temp.path, path)), { code: 'DIRECTORY_NOT_WRITABLE' });
});

test('a stream whose directory is a symbolic link refuses its own batches and no others', async () => {
  using temp = tempDirectory();
  using elsewhere = tempDirectory();
  symlinkSync(elsewhere.path, join(temp.path, 'oom'));
  const log = memoryLog();
  const journal = new Journal(journalOptions(temp.path), log);
  for (let i = 0; i < 3; i++)
    assert.throws(() => journal.append('oom', lines(1), 1), { code: 'DIRECTORY_NOT_WRITABLE' });
  journal.append('softirq', lines(1), 1);
  assert.equal(log.lines.filter((line) => /refuses/.test(line)).length, 1);
  rmSync(join(temp.path, 'oom'));
  journal.append('oom', lines(1), 1);
  const { documents, refused_batches, last_error } = journal.status().oom ?? assert.fail();
  assert.deepEqual(
    { documents, refused_batches, last_error },
    { documents: 1, refused_batches: 3, last_error: null },
  );
  await journal.close();
});
