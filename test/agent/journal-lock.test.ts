import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { JournalLock } from '../../src/agent/journal-lock.ts';
import { SmallDisk } from '../storage/elasticsearch/small-disk.ts';
import { tempDirectory } from '../storage/journal/fixture.ts';

const asRoot = { skip: process.geteuid?.() === 0 ? false : 'not run as root' };

test('makes the directory, and a file of mode 0600 that names this process', () => {
  using temp = tempDirectory();
  const directory = join(temp.path, 'new', 'journal');
  const former = process.umask(0);
  try {
    using lock = new JournalLock();
    lock.hold(directory);
    assert.equal(statSync(join(directory, '.lock')).mode & 0o7777, 0o600);
    assert.equal(readFileSync(join(directory, '.lock'), 'utf8'), `${process.pid}\n`);
  } finally {
    process.umask(former);
  }
});

test('another one on the directory is refused, naming the process, until the lock is given back', () => {
  using temp = tempDirectory();
  const held = new JournalLock();
  held.hold(temp.path);
  using other = new JournalLock();
  assert.throws(() => other.hold(temp.path), {
    code: 'JOURNAL_FAILED',
    message: new RegExp(`process ${process.pid};`),
  });
  held[Symbol.dispose]();
  writeFileSync(join(temp.path, '.lock'), '1\n');
  other.hold(temp.path);
});

test('each new life of the journal asks for the lock it has already', () => {
  using temp = tempDirectory();
  using lock = new JournalLock();
  lock.hold(temp.path);
  lock.hold(temp.path);
});

test('a lock that moves gives the former directory back, and keeps it when the new one cannot be had', () => {
  using temp = tempDirectory();
  const [first, second] = [join(temp.path, 'first'), join(temp.path, 'second')];
  using lock = new JournalLock();
  using other = new JournalLock();
  lock.hold(first);
  other.hold(second);
  assert.throws(() => lock.hold(second), { code: 'JOURNAL_FAILED' });
  assert.throws(() => other.hold(first), { code: 'JOURNAL_FAILED' });
  other[Symbol.dispose]();
  lock.hold(second);
  other.hold(first);
});

test('a directory that cannot be used is refused, and nothing is written to it', () => {
  using temp = tempDirectory();
  writeFileSync(join(temp.path, 'file'), '');
  using lock = new JournalLock();
  assert.throws(() => lock.hold(join(temp.path, 'file')), {
    code: 'CONFIG_INVALID',
    message: /which is no directory/,
  });
  assert.equal(existsSync(join(temp.path, '.lock')), false);
});

test('on a read-only file system the remedy is about that, for a new directory too', asRoot, () => {
  using temp = tempDirectory();
  using disk = new SmallDisk(temp.path);
  using _ = disk.readOnly();
  using lock = new JournalLock();
  for (const directory of [temp.path, join(temp.path, 'new'), join(temp.path, 'new', 'journal')])
    assert.throws(() => lock.hold(directory), {
      code: 'DIRECTORY_NOT_WRITABLE',
      message: /EROFS.*; mount the file system read-write, or set another journal directory$/,
    });
});

test('a full disk, which has no room for the number of the process, is locked all the same', asRoot, () => {
  using temp = tempDirectory();
  using disk = new SmallDisk(temp.path);
  using _ = disk.fill();
  using lock = new JournalLock();
  lock.hold(temp.path);
  using other = new JournalLock();
  assert.throws(() => other.hold(temp.path), { code: 'JOURNAL_FAILED', message: /held by process/ });
});
