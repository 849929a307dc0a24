import test from 'node:test';
import { ActorStats, WakeCounter } from '../../src/actor/stats.ts';

/** Longer than the runner gives a test: a wait that no wake ends fails. */
const FOREVER_MS = 3_600_000;

test('a wait ends by a wake of any thread, also one from before it began, or by time', async () => {
  const shared = ActorStats.allocate();
  const waiting = new WakeCounter(shared);
  const waking = new WakeCounter(shared);
  waking.wake();
  await waiting.wait(FOREVER_MS);
  const wait = waiting.wait(FOREVER_MS);
  waking.wake();
  await wait;
  await waiting.wait(1);
});
