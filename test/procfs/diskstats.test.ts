import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDeviceNumbers, parseDiskstats } from '../../src/procfs/diskstats.ts';

const BASIC = '   8       0 sda 10 1 80 1500 20 2 160 2500 3 4000 5000';

test('fields are those of the kernel, in bytes and seconds', () => {
  const [disk] = parseDiskstats(`${BASIC} 4 3 8 250 7 125\n`);
  assert.deepEqual(disk, {
    device: 'sda',
    read: { requests: 10, merged: 1, bytes: 40_960, seconds: 1.5 },
    write: { requests: 20, merged: 2, bytes: 81_920, seconds: 2.5 },
    in_progress: 3,
    busy_seconds: 4,
    weighted_seconds: 5,
    discard: { requests: 4, merged: 3, bytes: 4096, seconds: 0.25 },
    flush: { requests: 7, seconds: 0.125 },
  });
});

test('what older kernels do not count is absent, what newer ones add is ignored', () => {
  const [old] = parseDiskstats(`${BASIC}\n`);
  assert.ok(old && !('discard' in old) && !('flush' in old));
  const [middle] = parseDiskstats(`${BASIC} 4 3 8 250\n`);
  assert.ok(middle?.discard && !('flush' in middle));
  const [newer] = parseDiskstats(`${BASIC} 4 3 8 250 7 125 99 98\n`);
  assert.equal(newer?.flush?.requests, 7);
});

test('a line that is no disk is skipped, whatever it holds', () => {
  assert.deepEqual(
    parseDiskstats('   8       0 sda 1 2 3\n\nsda\n 8 0 sdb x 1 80 1500 20 2 160 2500 3 4000 5000\n'),
    [],
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseDiskstats(text)));
});

test('this host has as many disks as its file has lines', () => {
  const text = readFileSync('/proc/diskstats', 'utf8');
  assert.equal(parseDiskstats(text).length, text.trimEnd().split('\n').filter(Boolean).length);
});

test('devices are known by their numbers, too', () => {
  const text = ' 259       1 nvme0n1 1 2\n   8      16 sdb 1 2\nno line\n';
  assert.deepEqual(
    [...parseDeviceNumbers(text)],
    [
      ['nvme0n1', (259 << 20) | 1],
      ['sdb', (8 << 20) | 16],
    ],
  );
});
