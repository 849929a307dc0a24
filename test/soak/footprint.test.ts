import assert from 'node:assert/strict';
import test from 'node:test';
import { footprint, slope, slopeWithin, trend } from './footprint.ts';

test('a footprint of this process is plausible', () => {
  const own = footprint(process.pid);
  assert.ok(own.anonymous_bytes > 0 && own.resident_bytes >= own.anonymous_bytes);
  assert.ok(own.threads >= 1 && own.fds >= 3);
});

test('the slope is that of a line through the points, by least squares', () => {
  assert.equal(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
    2,
  );
  assert.equal(
    slope([
      [0, 0],
      [1, 3],
      [2, 0],
    ]),
    0,
  );
});

test('the slope within groups does not see how far apart they are', () => {
  const rising = (from: number): [number, number][] => [
    [from, 10 * from],
    [from + 1, 10 * from + 2],
  ];
  assert.equal(slopeWithin([rising(0), rising(50)]), 2);
});

test('a trend has no noise where the points are a line, and more of it where they are apart for longer', () => {
  const points = (noise: (x: number) => number): [number, number][] =>
    Array.from({ length: 40 }, (_, x) => [x, 2 * x + noise(x)]);
  assert.deepEqual(trend(points(() => 0)), { slope: 2, error: 0 });
  const quick = trend(points((x) => (x % 2 === 0 ? 1 : -1)));
  const slow = trend(points((x) => (Math.floor(x / 5) % 2 === 0 ? 1 : -1)));
  assert.ok(Math.abs(quick.slope - 2) < 2 * quick.error && Math.abs(slow.slope - 2) < 2 * slow.error);
  assert.ok(slow.error > 1.5 * quick.error);
});
