import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ActorStats } from '../../../src/actor/stats.ts';
import { CollectorThrottle } from '../../../src/agent/fence/throttle.ts';

/** A collector far over its quota for so many looks, with or without events. @returns what of its events is kept */
function overBudget(
  looks: number,
  options: { readonly events: boolean; readonly critical?: boolean },
): number {
  const stats = new ActorStats(ActorStats.allocate());
  const throttle = new CollectorThrottle(0.01, options.critical ? undefined : () => true, stats);
  for (let look = 0; look < looks; look++) {
    if (options.events) stats.set('documents', BigInt(look));
    throttle.feed(look * 60e6);
  }
  return throttle.sampling_ratio;
}

describe('the throttle of a collector', () => {
  test('samples events when resting is not enough', () => assert.ok(overBudget(12, { events: true }) < 1));

  test('keeps every event when no event has cost the time', () =>
    assert.equal(overBudget(12, { events: false }), 1));

  test('keeps every critical event', () => assert.equal(overBudget(12, { events: true, critical: true }), 1));
});
