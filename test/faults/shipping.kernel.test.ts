import assert from 'node:assert/strict';
import test from 'node:test';
import { killWhileShipping } from '../soak/shipping.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { findServer } from '../support/search-server/server.ts';

const found = await findServer('elasticsearch-8');
const skip = 'missing' in found ? found.missing : skipWithoutBpf();

test('four kills of agent, Elasticsearch or both during a flood: every event of the journal is in the index once', {
  skip,
}, async () => {
  const { events, documents } = await killWhileShipping(4, found, () => undefined);
  assert.ok(events > 100, `${events}`);
  assert.equal(documents, events);
});
