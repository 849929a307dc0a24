/** A real full disk: a tmpfs of 1 MiB. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { segmentName } from '../../../src/storage/journal/segment.ts';
import { segmentBytes } from '../../support/segment-text.ts';
import { DISK_BYTES, journalOptions, lines, memoryLog, noise, streamText, tinyDisk } from './fixture.ts';

for (const compression of ['off', 'live'] as const)
  test(`compression ${compression}: a batch that does not fit leaves no byte, is accepted once there is room, and other tracers go on`, async (t) => {
    const disk = tinyDisk();
    if (typeof disk === 'string') return t.skip(disk);
    using _ = disk;
    const log = memoryLog();
    const journal = new Journal(
      journalOptions(disk.path, { segment_bytes: 8 * DISK_BYTES, compression }),
      log,
    );
    writeFileSync(join(disk.path, '.ballast'), Buffer.alloc(700_000));
    const small = lines(10);
    const large = noise(1000, 10, 600);
    journal.append('oom', small, 10);
    for (let i = 0; i < 3; i++)
      assert.throws(() => journal.append('oom', large, 1000), {
        code: 'JOURNAL_FAILED',
        message: /ENOSPC.*free space/s,
      });
    const form = compression === 'off' ? 'plain' : 'live';
    const path = join(disk.path, 'oom', segmentName(0, form));
    assert.equal(segmentBytes(path).toString(), small.toString());
    assert.equal(statSync(path).size, journal.status().oom?.disk_bytes);
    journal.append('softirq', small, 10);
    assert.equal(streamText(disk.path, 'softirq'), small.toString());

    rmSync(join(disk.path, '.ballast'));
    journal.append('oom', large, 1000);
    assert.equal(streamText(disk.path, 'oom'), small.toString() + large.toString());
    const { refused_batches, documents, sequence } = journal.status().oom ?? assert.fail();
    assert.deepEqual(
      { refused_batches, documents, sequence },
      { refused_batches: 3, documents: 1010, sequence: 1010 },
    );
    assert.equal(log.lines.filter((line) => /refuses|accepts/.test(line)).length, 2);
    await journal.close();
  });

test('on a full disk rotation uses the room of the segment that goes', async (t) => {
  const disk = tinyDisk();
  if (typeof disk === 'string') return t.skip(disk);
  using _ = disk;
  mkdirSync(join(disk.path, '.ballast'));
  const batch = lines(100, 0, 1000);
  const journal = new Journal(
    journalOptions(disk.path, { segment_bytes: batch.length, segments: 2 }),
    memoryLog(),
  );
  for (let i = 0; i < 2; i++) journal.append('oom', batch, 100);
  assert.throws(() => writeFileSync(join(disk.path, '.ballast', 'fill'), Buffer.alloc(DISK_BYTES)), {
    code: 'ENOSPC',
  });
  for (let i = 0; i < 5; i++) {
    // The deleted segment's pages are free only when the background sync has closed it.
    await journal.flush();
    journal.append('oom', batch, 100);
  }
  assert.equal(journal.status().oom?.expired_documents, 500);
  await journal.close();
});
