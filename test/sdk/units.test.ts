import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/sdk/units.ts';

test('durations are read in every unit', () => {
  const ns = ['100ns', '500us', '10ms', '15s', '2m', '1h', '1d'].map(parseDuration);
  assert.deepEqual(ns, [100, 5e5, 1e7, 15e9, 12e10, 36e11, 864e11]);
});

test('sizes are read in decimal and binary units', () => {
  assert.deepEqual(['7B', '1KB', '1KiB', '64MiB', '1GB'].map(parseSize), [7, 1000, 1024, 67_108_864, 1e9]);
});

test('text that is no duration is refused', () => {
  for (const text of [
    '',
    '15',
    's',
    '1.5s',
    '-1s',
    '15 s',
    '15S',
    '1h30m',
    '1e3s',
    '١s',
    '200d',
    '9999999999999999h',
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

test('text that is no size is refused', () => {
  for (const text of ['', '64', '64mib', '64 MiB', '1.5GiB', '-1B', 'MiB', '10PB', '9999999999999999KB']) {
    assert.equal(parseSize(text), undefined, text);
  }
});

test('a formatted duration is read as the same number', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (ns) => assert.equal(parseDuration(formatDuration(ns)), ns)));
});

test('a formatted size is read as the same number', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => assert.equal(parseSize(formatSize(bytes)), bytes)));
});

test('formatting chooses the shortest exact unit', () => {
  assert.deepEqual([0, 9e10, 36e11, 1_500_000].map(formatDuration), ['0s', '90s', '1h', '1500us']);
  assert.deepEqual([0, 65_536, 65_537, 2 ** 31, 1e9].map(formatSize), [
    '0B',
    '64KiB',
    '65537B',
    '2GiB',
    '1GB',
  ]);
});
