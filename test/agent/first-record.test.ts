import assert from 'node:assert/strict';
import test from 'node:test';
import { holdsUntilRead } from '../../src/agent/first-record.ts';

test('a ring holds what comes before it is read when two seconds of all CPUs fit, with the headers of the records', () => {
  const room = { ring_bytes: 1 << 16, record_bytes: 120 };
  // 2 s × 4 CPUs × 64 records of 128 bytes are 64 KiB.
  assert.ok(holdsUntilRead(room, 64n, 4));
  assert.ok(!holdsUntilRead(room, 65n, 4));
  assert.ok(!holdsUntilRead(room, 64n, 5));
  assert.ok(!holdsUntilRead({ ...room, record_bytes: 121 }, 64n, 4));
});

test('nothing is held for sure of programs that keep to no budget', () => {
  assert.ok(!holdsUntilRead({ ring_bytes: 1 << 30, record_bytes: 8 }, 0n, 1));
});
