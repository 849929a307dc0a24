/** A real disk that fails at fsync: a file system in a file, for whose blocks there is no room when they are written back. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { JournalActor } from '../../../src/storage/journal/actor.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { SmallDisk } from '../elasticsearch/small-disk.ts';
import { journalOptions, lines, memoryLog, tempDirectory } from './fixture.ts';

const IMAGE_BYTES = 64 << 20;

/** The file system, below `path`; or why there is none. */
function fileSystem(image: string, path: string): Disposable | string {
  writeFileSync(image, '');
  truncateSync(image, IMAGE_BYTES);
  mkdirSync(path);
  // Without a journal of its own it fits in a small disk, and goes on after an error.
  for (const command of [
    ['mkfs.ext4', '-q', '-F', '-O', '^has_journal', image],
    ['mount', '-o', 'loop,errors=continue', image, path],
  ]) {
    const [name = '', ...args] = command;
    const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8' });
    if (status !== 0) return `${name}: ${error?.message ?? stderr}`;
  }
  return { [Symbol.dispose]: () => void execFileSync('umount', [path]) };
}

test('documents that do not reach the disk are counted as doubtful, said once, and the journal is in trouble', async (t) => {
  if (process.geteuid?.() !== 0) return t.skip('not run as root');
  using temp = tempDirectory();
  const small = join(temp.path, 'small');
  using disk = new SmallDisk(small);
  const path = join(temp.path, 'mounted');
  const mounted = fileSystem(join(small, 'image'), path);
  if (typeof mounted === 'string') return t.skip(mounted);
  using _ = mounted;
  const log = memoryLog();
  const journal = new Journal(journalOptions(join(path, 'journal')), log);
  const actor = new JournalActor(journal, log);
  journal.append('oom', lines(10), 10);
  await journal.flush();
  assert.equal(journal.status().oom?.doubtful_documents, 0);
  {
    using _full = disk.fill();
    for (let n = 0; n < 2; n++) {
      journal.append('oom', lines(1000, n * 1000, 400), 1000);
      await journal.flush();
    }
    const { doubtful_documents, fsync_errors, failing, last_error } = journal.status().oom ?? assert.fail();
    assert.ok(doubtful_documents >= 1000, `${doubtful_documents}`);
    assert.ok(fsync_errors >= 1);
    assert.equal(failing, true);
    assert.match(last_error ?? '', /EIO|ENOSPC/);
    assert.match(actor.status().error?.message ?? '', /oom .*do not reach the disk \((EIO|ENOSPC)/);
    assert.equal(log.lines.filter((line) => line.startsWith('error')).length, 1, log.lines.join());
  }
  journal.append('oom', lines(10), 10);
  await journal.flush();
  assert.equal(actor.status().error, undefined);
  await actor.close();
  rmSync(join(path, 'journal'), { recursive: true });
});
