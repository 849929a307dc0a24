import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprint } from '../../../src/kernel/pins/pin-set.ts';

test('the fingerprint changes with the object and with any option, not with their order', () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const base = fingerprint(bytes, { a: 1n, b: 2n });
  assert.match(base, /^[0-9a-f]{16}$/);
  assert.equal(fingerprint(bytes, { b: 2n, a: 1n }), base);
  assert.notEqual(fingerprint(bytes, { a: 1n, b: 3n }), base);
  assert.notEqual(fingerprint(Uint8Array.of(1, 2), { a: 1n, b: 2n }), base);
});
