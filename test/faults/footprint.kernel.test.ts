import assert from 'node:assert/strict';
import test from 'node:test';
import { crashesOfAgent } from '../soak/memory.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

test('fifty crashes of a worker leave no thread and no file descriptor behind', {
  skip: skipWithoutBpf(),
}, async () => {
  const growth = await crashesOfAgent(50, 25);
  assert.equal(growth.length, 3);
  // The first restart may open what stays open for good.
  const [, middle, last] = growth;
  assert.equal(last?.fds, middle?.fds);
  assert.equal(last?.threads, middle?.threads);
});
