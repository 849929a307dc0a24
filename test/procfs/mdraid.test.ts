import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCompleted, readMdArrays } from '../../src/procfs/mdraid.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('an array that is being rebuilt', () => {
  using sys = new FixtureProc();
  assert.deepEqual(readMdArrays(sys.directory, memoryLog()), [], 'no disks at all');
  const files = {
    array_state: 'clean',
    raid_disks: '3 (2)',
    degraded: '1',
    mismatch_cnt: '128',
    sync_action: 'recover',
    sync_completed: '250 / 1000',
    'dev-sda1/state': 'in_sync',
    'dev-sdb1/state': 'in_sync,write_mostly',
    'dev-sdc1/state': 'spare',
  };
  for (const [file, text] of Object.entries(files)) sys.write(`block/md0/md/${file}`, `${text}\n`);
  sys.write('block/sda/size', '1\n');
  assert.deepEqual(readMdArrays(sys.directory, memoryLog()), [
    {
      device: 'md0',
      state: 'clean',
      action: 'recover',
      required: 3,
      degraded: 1,
      completed: 0.25,
      mismatched_sectors: 128,
      members: new Map([
        ['in_sync', 2],
        ['spare', 1],
      ]),
    },
  ]);
});

test('a level without redundancy has no action; an array that is gone is left out', () => {
  using sys = new FixtureProc();
  sys.write('block/md1/md/array_state', 'active\n');
  sys.write('block/md1/md/raid_disks', '2\n');
  sys.write('block/md2/size', '0\n');
  assert.deepEqual(readMdArrays(sys.directory, memoryLog()), [
    { device: 'md1', state: 'active', required: 2, members: new Map() },
  ]);
});

test('nothing is completed while nothing is done', () => {
  for (const text of ['none', 'delayed', '', '1 / 0', 'x / y']) assert.equal(parseCompleted(text), undefined);
  assert.equal(parseCompleted('1000 / 1000'), 1);
});
