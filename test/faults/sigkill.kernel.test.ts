import assert from 'node:assert/strict';
import test from 'node:test';
import { killPinned } from '../soak/pinned.ts';
import { killUnderFlood } from '../soak/sigkill.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();

test('four kills of the agent during a flood, each with a torn tail, of lines and of frames: what it had acknowledged is on disk once, in whole lines, without a gap', {
  skip,
}, async () => {
  const { acknowledged, documents } = await killUnderFlood(4);
  assert.ok(acknowledged > 0, 'the flood got through');
  assert.ok(documents >= acknowledged);
});

test('four kills of an agent with a pinned ring: no event is lost, those without an agent are there, unpin removes all', {
  skip,
}, async () => {
  const { between } = await killPinned(4);
  assert.ok(between > 0, 'events were made while no agent was up');
});
