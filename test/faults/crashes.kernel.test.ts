import assert from 'node:assert/strict';
import test from 'node:test';
import { crashUnderFlood, TIRELESS } from '../soak/crashes.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

test('ten crashes of a worker during a flood: every event is on disk once, or twice under one id', {
  skip: skipWithoutBpf(),
}, async () => {
  const { events, running_ms, reading_ms } = await crashUnderFlood(10, TIRELESS);
  assert.ok(events > 0);
  assert.equal(running_ms.length, 10);
  assert.ok(reading_ms.every(Number.isFinite), 'each successor has read');
});
