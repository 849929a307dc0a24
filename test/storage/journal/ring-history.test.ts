import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RingRange } from '../../../src/storage/journal/protocol.ts';
import { RingHistory } from '../../../src/storage/journal/ring-history.ts';

const rangeOf = (start: number, end: number, id = 'oom-1'): RingRange => ({
  id,
  start: BigInt(start),
  end: BigInt(end),
  documents: 1,
  malformed: 0,
});

test('a rangeOf is covered when its parts were written, in any order', () => {
  const rings = new RingHistory();
  rings.add(rangeOf(200, 300));
  rings.add(rangeOf(0, 100));
  assert.equal(rings.covers(rangeOf(50, 250)), false);
  rings.add(rangeOf(100, 200));
  assert.equal(rings.covers(rangeOf(50, 250)), true);
  assert.equal(rings.covers(rangeOf(250, 301)), false);
});

test('a rangeOf below the highest written position is not covered when it was refused', () => {
  const rings = new RingHistory();
  rings.add(rangeOf(100, 200));
  assert.equal(rings.covers(rangeOf(0, 100)), false);
});

test('the same positions of another ring are another matter', () => {
  const rings = new RingHistory();
  rings.add(rangeOf(0, 100));
  assert.equal(rings.covers(rangeOf(0, 100, 'oom-2')), false);
});

test('the newest 64 ranges are remembered, oldest first', () => {
  const rings = new RingHistory();
  for (let i = 0; i < 100; i++) rings.add(rangeOf(i * 8, i * 8 + 8));
  const recent = rings.recent('oom-1');
  assert.equal(recent.length, 64);
  assert.deepEqual(recent[0], rangeOf(36 * 8, 37 * 8));
  assert.deepEqual(recent.at(-1), rangeOf(99 * 8, 100 * 8));
  assert.deepEqual(rings.recent('unknown'), []);
});

test('the ring that was not heard of for longest is forgotten beyond 256', () => {
  const rings = new RingHistory();
  for (let i = 0; i < 257; i++) rings.add(rangeOf(0, 8, `ring-${i}`));
  assert.equal(rings.covers(rangeOf(0, 8, 'ring-0')), false);
  assert.equal(rings.covers(rangeOf(0, 8, 'ring-1')), true);
});

test('what is covered was written: agrees with a set of positions', () => {
  const range = fc
    .tuple(fc.nat(60), fc.integer({ min: 1, max: 10 }))
    .map(([start, size]) => rangeOf(start, start + size));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), range, (written, asked) => {
      const rings = new RingHistory();
      const positions = new Set<bigint>();
      for (const one of written) {
        rings.add(one);
        for (let at = one.start; at < one.end; at++) positions.add(at);
      }
      let all = true;
      for (let at = asked.start; at < asked.end; at++) all &&= positions.has(at);
      assert.equal(rings.covers(asked), all);
    }),
  );
});
