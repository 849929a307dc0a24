/** A stop loses nothing that was produced before it: what the kernel counted is on disk, exactly once. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG, FLOOD_RING_EVENTS, flood, floodDocuments } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();
const collectors = skip ? '' : await builtCollectors('collectors');

function startFlooded(): Promise<AgentProcess> {
  return AgentProcess.start({ collectors, only: ['flood'], config: { collectors: { flood: FLOOD_CONFIG } } });
}

/** @returns the sequence numbers on disk, each of which must be there once */
function sequencesOnce(agent: AgentProcess): number[] {
  const documents = floodDocuments(agent.journal);
  for (const [sequence, ids] of documents) assert.equal(ids.length, 1, `event ${sequence} is on disk once`);
  return [...documents.keys()];
}

test('SIGTERM while a ring full of events waits: every one is on disk once, exit code 0', {
  skip,
}, async () => {
  await using agent = await startFlooded();
  const events = FLOOD_RING_EVENTS / 2;
  // A stopped process cannot read: all of them wait in the ring when it is asked to stop.
  await agent.freeze();
  flood(events);
  agent.signal('SIGTERM');
  agent.signal('SIGCONT');
  assert.deepEqual(await agent.ended, { code: 0, signal: null }, agent.stderr);
  const sequences = sequencesOnce(agent);
  assert.equal(sequences.length, events);
  assert.deepEqual([sequences[0], sequences.at(-1)], [0, events - 1]);
});

test('SIGTERM while events are being made: no gap, and the last program that ran is on disk to its end', {
  skip,
}, async () => {
  await using agent = await startFlooded();
  const step = 10_000;
  let gone = false;
  void agent.ended.then(() => {
    gone = true;
  });
  // All of them have room in the ring, should the agent be slow.
  for (let steps = 0; !gone && (steps + 1) * step <= FLOOD_RING_EVENTS; steps++) {
    flood(step);
    if (steps === 3) agent.signal('SIGTERM');
    await sleep(5);
  }
  assert.deepEqual(await agent.ended, { code: 0, signal: null }, agent.stderr);
  const sequences = sequencesOnce(agent);
  assert.ok(sequences.length >= 3 * step, `${sequences.length} events\n${agent.stderr}`);
  assert.equal(sequences.at(-1), sequences.length - 1, 'no gap');
  assert.equal(
    sequences.length % step,
    0,
    'a program that was running when it was detached has ended before the drain',
  );
});

test('SIGTERM after the ring overflowed: what fitted is on disk once, the rest was counted as it was lost', {
  skip,
}, async () => {
  await using agent = await startFlooded();
  const lost = 1000;
  await agent.freeze();
  flood(FLOOD_RING_EVENTS + lost);
  agent.signal('SIGCONT');
  const ledger = await agent.until('the ring to be drained', async () => {
    const row = await agent.ledger('flood');
    return row?.pending_bytes === '0' && row.produced !== '0' ? row : undefined;
  });
  assert.equal(ledger.difference, '0');
  assert.equal(ledger.produced, String(FLOOD_RING_EVENTS + lost));
  assert.deepEqual(await agent.stop(), { code: 0, signal: null }, agent.stderr);
  const sequences = sequencesOnce(agent);
  assert.equal(sequences.length, Number(ledger.journalled));
  assert.equal(sequences.length + Number(ledger.dropped_ring_full), FLOOD_RING_EVENTS + lost);
  // The ring was empty, so what was lost are the last ones.
  assert.equal(sequences.at(-1), sequences.length - 1);
  assert.ok(Number(ledger.dropped_ring_full) >= lost);
});

test('SIGTERM right after SIGHUP: the reload gives up, and nothing that waited is lost', {
  skip,
}, async () => {
  await using agent = await startFlooded();
  const events = FLOOD_RING_EVENTS / 2;
  await agent.freeze();
  flood(events);
  // Every collector would be started anew.
  agent.configure({ collectors: { flood: FLOOD_CONFIG }, ring: { wakeup_age: '20ms' } });
  agent.signal('SIGHUP');
  agent.signal('SIGTERM');
  agent.signal('SIGCONT');
  assert.deepEqual(await agent.ended, { code: 0, signal: null }, agent.stderr);
  assert.equal(sequencesOnce(agent).length, events, agent.stderr);
  assert.match(agent.stderr, /"msg":"huatuo has stopped"\}\n$/);
});

test('a second SIGTERM ends the process at once', { skip }, async () => {
  await using agent = await startFlooded();
  await agent.freeze();
  flood(FLOOD_RING_EVENTS / 2);
  agent.signal('SIGTERM');
  agent.signal('SIGINT');
  agent.signal('SIGCONT');
  assert.deepEqual(await agent.ended, { code: 1, signal: null }, agent.stderr);
});
