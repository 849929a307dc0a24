/** A collector that has told nothing yet has no thread; all the same it counts, and nothing of what it tells is lost. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG, flood, floodDocuments } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();
const collectors = skip ? '' : await builtCollectors('collectors');
/** With a budget, whose events fit into the ring. */
const config = { collectors: { flood: { ...FLOOD_CONFIG, max_events_per_second_per_cpu: 1000 } } };

function threadsCalled(name: string, pid: number): number {
  const names = readdirSync(`/proc/${pid}/task`).map((tid) => {
    return readFileSync(`/proc/${pid}/task/${tid}/comm`, 'utf8').trim();
  });
  return names.filter((one) => one === name).length;
}

test('the first record starts the thread of a collector, and is in the journal as all others are', {
  skip,
}, async () => {
  await using agent = await AgentProcess.start({ collectors, only: ['flood'], config });
  const before = await agent.actor('flood');
  assert.equal(before.state, 'running');
  assert.equal(before.vitals?.heartbeat_age_seconds, undefined);
  assert.equal(threadsCalled('flood', agent.pid), 0);
  assert.equal((await agent.ledger('flood'))?.produced, '0');

  flood(1000);
  await agent.until('its events on disk', () => floodDocuments(agent.journal).size === 1000);
  assert.equal(threadsCalled('flood', agent.pid), 1);
  const after = await agent.actor('flood');
  assert.deepEqual(
    { state: after.state, since: after.since, restarts: after.restarts },
    { state: 'running', since: before.since, restarts: 0 },
  );
  await agent.until('the sum to close', async () => (await agent.ledger('flood'))?.difference === '0');
});

test('records that come just before a stop are in the journal, although no thread was there to read them', {
  skip,
}, async () => {
  await using agent = await AgentProcess.start({ collectors, only: ['flood'], config });
  await agent.freeze();
  flood(500);
  agent.signal('SIGTERM');
  agent.signal('SIGCONT');
  assert.deepEqual(await agent.ended, { code: 0, signal: null }, agent.stderr);
  assert.equal(floodDocuments(agent.journal).size, 500);
});
