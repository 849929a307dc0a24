/**
 * Whatever a collector's code does to its worker, no event is lost and the others go on: the ring stays where it is, and
 * the next worker reads on from what was committed.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Failure } from '../fixtures/collectors/failing.ts';
import { FailingCollector } from '../soak/collectors.ts';
import { AgentProcess } from '../support/agent.ts';
import { FLOOD_CONFIG, flood, floodDocuments } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { samplesOf, sampleValue } from '../support/prometheus-text.ts';

const skip = skipWithoutBpf();
const EVENTS = 4000;

/** @param hangs whether the collector will; else a slow host is not to be taken for one */
async function startFailing({ path, env }: FailingCollector, hangs: boolean): Promise<AgentProcess> {
  return AgentProcess.start({
    collectors: path,
    only: ['flood', 'runqlat', 'loadavg'],
    env,
    config: {
      web: { scrape_timeout: hangs ? '1s' : '5s' },
      supervisor: { heartbeat_timeout: hangs ? '2s' : '20s', restarts: 20 },
      ring: { wakeup_age: '5ms' },
      collectors: { flood: FLOOD_CONFIG },
    },
  });
}

/** @returns how often events are on disk twice */
async function assertNothingLost(agent: AgentProcess, events: number): Promise<void> {
  const ledger = await agent.until('every event to be committed', async () => {
    const row = await agent.ledger('flood');
    return row?.pending_bytes === '0' && row.produced === String(events) ? row : undefined;
  });
  assert.equal(ledger.difference, '0');
  assert.equal(ledger.journalled, String(events));
  const documents = floodDocuments(agent.journal);
  assert.equal(documents.size, events);
  assert.deepEqual([documents.keys().next().value, [...documents.keys()].at(-1)], [0, events - 1]);
  for (const [sequence, ids] of documents) {
    assert.ok(ids.length <= 2, `event ${sequence} is on disk ${ids.length} times`);
    assert.equal(new Set(ids).size, 1, `a second copy of event ${sequence} has its id`);
  }
}

const ENDING: readonly (readonly [Failure, code: string, message: RegExp])[] = [
  ['throw', 'COLLECTOR_FAILED', /thrown by a timer/],
  ['reject', 'COLLECTOR_FAILED', /a promise nobody looks at/],
  ['exit', 'WORKER_EXITED', /ended with code 3/],
  ['heap', 'COLLECTOR_FAILED', /memory/],
  ['loop', 'WORKER_HUNG', /heartbeat/],
  ['loop in update', 'WORKER_HUNG', /heartbeat/],
  ['hang in update', 'WORKER_HUNG', /heartbeat/],
  ['hang in enrich', 'WORKER_HUNG', /heartbeat/],
  ['trap in decoder', 'COLLECTOR_FAILED', /unreachable/],
  ['loop in decoder', 'WORKER_HUNG', /heartbeat/],
];

for (const [failure, code, message] of ENDING) {
  test(`a collector that fails by ${failure}: its worker is replaced, every event is on disk, others answer`, {
    skip,
  }, async () => {
    using collector = await FailingCollector.build({ choking: failure.endsWith('decoder') });
    await using agent = await startFailing(collector, code === 'WORKER_HUNG');
    flood(EVENTS);
    const made = collector.fail(failure);
    flood(EVENTS);
    await agent.until('the failure', async () => {
      // What fails in update() needs a scrape; the others' numbers are there, whatever this one does.
      const page = await agent.metrics();
      const others = ['huatuo_runqueue_wait_seconds_count', 'huatuo_bamai_loadavg_load1'];
      return !collector.waiting && others.every((name) => samplesOf(page, name).length > 0);
    });
    flood(EVENTS);
    const restarted = await agent.until('the next worker', async () => {
      const actor = await agent.actor('flood');
      return actor.restarts > 0 && actor.state === 'running' ? actor : undefined;
    });
    assert.equal(restarted.last_error?.code, code);
    assert.match(restarted.last_error.message, message);
    flood(EVENTS);
    await assertNothingLost(agent, 4 * EVENTS + made);
    assert.equal((await agent.status()).agent.state, 'ready');
    const runqlat = await agent.actor('runqlat');
    assert.equal(runqlat.restarts, 0, 'the others were not touched');
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  });
}

for (const failure of ['throw in update', 'throw in enrich'] as const) {
  test(`a collector that fails by ${failure} keeps its worker and its events`, { skip }, async () => {
    using collector = await FailingCollector.build();
    await using agent = await startFailing(collector, false);
    collector.fail(failure);
    flood(EVENTS);
    await agent.until('the failure', async () => {
      await agent.metrics();
      return !collector.waiting;
    });
    await assertNothingLost(agent, EVENTS);
    const { restarts, state } = await agent.actor('flood');
    assert.deepEqual({ restarts, state }, { restarts: 0, state: 'running' });
    sampleValue(await agent.metrics(), 'huatuo_flood_scrapes_total');
  });
}

test('a collector that fails again and again is failed, its ring fills, and nothing of it is uncounted', {
  skip,
}, async () => {
  using collector = await FailingCollector.build();
  await using agent = await AgentProcess.start({
    collectors: collector.path,
    only: ['flood', 'loadavg'],
    env: collector.env,
    config: {
      supervisor: { restarts: 1, backoff_min: '10ms', failed_retry: '1s' },
      collectors: { flood: FLOOD_CONFIG },
    },
  });
  for (let fails = 0; fails < 2; fails++) {
    collector.fail('throw');
    await agent.until('the worker to have failed', () => !collector.waiting);
  }
  const failed = await agent.until('the collector to be given up for a while', async () => {
    const actor = await agent.actor('flood');
    return actor.state === 'failed' ? actor : undefined;
  });
  assert.match(failed.reason?.message ?? '', /thrown by a timer/);
  assert.equal((await agent.status()).agent.state, 'degraded');
  assert.equal(
    sampleValue(await agent.metrics(), 'huatuo_actor_state', { actor: 'flood', state: 'failed' }),
    1,
  );
  flood(EVENTS);
  await agent.until('the slow retry', async () => (await agent.actor('flood')).state === 'running');
  await assertNothingLost(agent, EVENTS);
});
