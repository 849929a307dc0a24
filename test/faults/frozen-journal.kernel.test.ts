import assert from 'node:assert/strict';
import test from 'node:test';
import { freezeJournal } from '../soak/frozen-journal.ts';
import { LoopDisk } from '../soak/loop-disk.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

test('the journal’s disk stands still: that is seen, collectors and scrapes go on, and all arrives when it moves again', {
  skip: skipWithoutBpf(),
}, async (t) => {
  const disk = LoopDisk.make();
  if (typeof disk === 'string') return t.skip(disk);
  using _ = disk;
  const { meanwhile } = await freezeJournal(disk, 0);
  assert.ok(meanwhile > 0);
});
