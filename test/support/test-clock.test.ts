import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestClock } from './test-clock.ts';

test('a loop that sleeps runs as often as it would have, and time is what it would have been', async () => {
  const clock = new TestClock(0n);
  const seen: number[] = [];
  const loop = (async () => {
    for (;;) {
      seen.push(Number(clock.boottime_ns()) / 1e9);
      await clock.sleep(10);
    }
  })();
  loop.catch(() => undefined);
  await clock.advance(35);
  assert.deepEqual(seen, [0, 10, 20, 30]);
  assert.equal(clock.boottime_ns(), 35_000_000_000n);
  clock.cancel();
  await assert.rejects(loop, { code: 'CANCELLED' });
});
