import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Windows } from '../../src/capture/windows.ts';

const LIMITS = { size: 3, maxAge_ns: 60n, keep_ns: 30n, maxSubjects: 2 };
const sample = (boottime_ns: bigint): { boottime_ns: bigint; state: string } => ({
  boottime_ns,
  state: `at ${boottime_ns}`,
});

test('a window has the newest samples and is full when it has as many as asked for', () => {
  const windows = new Windows<string>(LIMITS);
  const found = [10n, 20n, 30n, 40n].map((at) => windows.add('a', sample(at)));
  assert.deepEqual(
    found.map((window) => window?.full),
    [false, false, true, true],
  );
  const last = found.at(-1);
  assert.deepEqual([last?.oldest, last?.newest], [sample(20n), sample(40n)]);
  assert.equal(last?.seconds, 20e-9);
});

test('samples from before a long gap are no baseline', () => {
  const windows = new Windows<string>(LIMITS);
  windows.add('a', sample(10n));
  assert.deepEqual(windows.add('a', sample(70n))?.samples.length, 2);
  assert.deepEqual(windows.add('a', sample(131n))?.samples, [sample(131n)]);
});

test('subjects beyond the bound have no window until others have expired', () => {
  const windows = new Windows<string>(LIMITS);
  windows.add('a', sample(10n));
  windows.add('b', sample(20n));
  assert.equal(windows.add('c', sample(20n)), undefined);
  windows.expire(39n);
  assert.equal(windows.size, 2);
  windows.expire(40n);
  assert.equal(windows.size, 1);
  assert.ok(windows.add('c', sample(40n)));
});

test('entries make the same windows again', () => {
  const windows = new Windows<string>(LIMITS);
  windows.add('a', sample(10n));
  const copy = new Windows<string>(LIMITS, structuredClone(windows.entries()));
  assert.deepEqual(copy.add('a', sample(20n)), windows.add('a', sample(20n)));
});

test('a shorter window of a new configuration cuts what was kept', () => {
  const windows = new Windows<string>(LIMITS);
  for (const at of [10n, 20n, 30n]) windows.add('a', sample(at));
  const shorter = new Windows<string>({ ...LIMITS, size: 2 }, windows.entries());
  assert.deepEqual(shorter.add('a', sample(40n))?.samples, [sample(30n), sample(40n)]);
});
