import assert from 'node:assert/strict';
import test from 'node:test';
import { RingWakes } from '../../src/actor/ring-wakes.ts';

/** Longer than the runner gives a test: a wait that nothing else ends fails. */
const FOREVER_MS = 3_600_000;

test('a wait ends by a wake of any thread, also one from before it began', async () => {
  const shared = RingWakes.allocate();
  const waiting = new RingWakes(shared);
  const waking = new RingWakes(shared);
  waking.wake();
  await waiting.woken();
  const wait = waiting.woken();
  waking.wake();
  await wait;
});

test('a wait for calls ends by a call, which is a wake too, or by time', async () => {
  const shared = RingWakes.allocate();
  const waiting = new RingWakes(shared);
  const waking = new RingWakes(shared);
  waking.call();
  await waiting.woken();
  await waiting.called(FOREVER_MS);
  const wait = waiting.called(FOREVER_MS);
  waking.call();
  await wait;
  await waiting.called(1);
});

test('a wake is no call', async () => {
  const shared = RingWakes.allocate();
  const waiting = new RingWakes(shared);
  let isCalled = false;
  const call = waiting.called(FOREVER_MS).then(() => {
    isCalled = true;
  });
  const waking = new RingWakes(shared);
  waking.wake();
  await waiting.woken();
  assert.equal(isCalled, false);
  waking.call();
  await call;
});
