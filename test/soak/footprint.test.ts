import assert from 'node:assert/strict';
import test from 'node:test';
import { footprint, slope, slopeWithin } from './footprint.ts';

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
