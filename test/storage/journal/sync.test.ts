/** What a disk that fails leaves of the journal's word. An fd on which fdatasync fails stands for it: that of a pipe. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { JournalSync, SyncCounts, SyncedFile } from '../../../src/storage/journal/sync.ts';
import { memoryLog, tempDirectory } from './fixture.ts';

test('documents whose sync failed are doubtful for good; each row of failures is logged once at its start and end', async () => {
  using temp = tempDirectory();
  const pipe = join(temp.path, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const log = memoryLog();
  const counts = new SyncCounts(temp.path, log);
  const broken = new SyncedFile(openSync(pipe, constants.O_RDWR), 'data', counts);
  const sync = new JournalSync(60_000);
  for (const documents of [3, 2]) {
    broken.unsynced += documents;
    sync.touch(broken);
    await sync.flush();
  }
  assert.deepEqual(
    [counts.failing, counts.errors, counts.doubtful_documents, broken.unsynced],
    [true, 2, 5, 0],
  );
  const healthy = new SyncedFile(openSync(join(temp.path, 'file'), 'w'), 'data', counts);
  healthy.unsynced = 4;
  sync.touch(healthy);
  await sync.close();
  assert.deepEqual([counts.failing, counts.doubtful_documents], [false, 5]);
  assert.deepEqual(log.lines, [
    'error the journal does not reach the disk; what was written may be lost',
    'info the journal reaches the disk again',
  ]);
  for (const { fd } of [broken, healthy]) closeSync(fd);
});
