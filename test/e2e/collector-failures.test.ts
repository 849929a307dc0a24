/**
 * Whatever a collector's code does to its worker, no event is lost and the others go on: the ring stays where it is, and
 * the next worker reads on from what was committed.
 */
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { at } from '../../src/build/paths.ts';
import type { Failure } from '../fixtures/collectors/failing.ts';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG, flood, floodDocuments } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { sampleValue } from '../support/prometheus-text.ts';

const skip = skipWithoutBpf();
const built = skip ? '' : await builtCollectors('collectors');
const EVENTS = 4000;

/** The flood collector with a module that fails on demand. */
function failingCollector(): Disposable & { readonly path: string; readonly fuse: string } {
  const path = mkdtempSync(join(tmpdir(), 'huatuo-failing-'));
  for (const name of readdirSync(built).filter((file) => file.startsWith('flood.')))
    linkSync(join(built, name), join(path, name));
  const module = at('dist/test/fixtures/collectors/failing.js');
  writeFileSync(join(path, 'flood.js'), `export { default } from ${JSON.stringify(module)};\n`);
  return {
    path,
    fuse: join(path, 'fuse'),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

async function startFailing({ path, fuse }: { path: string; fuse: string }): Promise<AgentProcess> {
  return AgentProcess.start({
    collectors: path,
    only: ['flood', 'runqlat', 'loadavg'],
    env: { HUATUO_TEST_FUSE: fuse },
    config: {
      web: { scrape_timeout: '300ms' },
      supervisor: { heartbeat_timeout: '2s', restarts: 20 },
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
];

for (const [failure, code, message] of ENDING) {
  test(`a collector that fails by ${failure}: its worker is replaced, every event is on disk, others answer`, {
    skip,
  }, async () => {
    using collector = failingCollector();
    await using agent = await startFailing(collector);
    flood(EVENTS);
    writeFileSync(collector.fuse, failure);
    flood(EVENTS);
    await agent.until('the failure', async () => {
      // What fails in update() needs a scrape; the others' numbers are on each page, whatever this one does.
      const page = await agent.metrics();
      assert.ok(sampleValue(page, 'huatuo_runqueue_wait_seconds_count') > 0);
      sampleValue(page, 'huatuo_bamai_loadavg_load1');
      return !existsSync(collector.fuse);
    });
    flood(EVENTS);
    const restarted = await agent.until('the next worker', async () => {
      const actor = await agent.actor('flood');
      return actor.restarts > 0 && actor.state === 'running' ? actor : undefined;
    });
    assert.equal(restarted.last_error?.code, code);
    assert.match(restarted.last_error.message, message);
    flood(EVENTS);
    await assertNothingLost(agent, 4 * EVENTS);
    assert.equal((await agent.status()).agent.state, 'ready');
    const runqlat = await agent.actor('runqlat');
    assert.equal(runqlat.restarts, 0, 'the others were not touched');
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  });
}

for (const failure of ['throw in update', 'throw in enrich'] as const) {
  test(`a collector that fails by ${failure} keeps its worker and its events`, { skip }, async () => {
    using collector = failingCollector();
    await using agent = await startFailing(collector);
    writeFileSync(collector.fuse, failure);
    flood(EVENTS);
    await agent.until('the failure', async () => {
      await agent.metrics();
      return !existsSync(collector.fuse);
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
  using collector = failingCollector();
  await using agent = await AgentProcess.start({
    collectors: collector.path,
    only: ['flood', 'loadavg'],
    env: { HUATUO_TEST_FUSE: collector.fuse },
    config: {
      supervisor: { restarts: 1, backoff_min: '10ms', failed_retry: '1s' },
      collectors: { flood: FLOOD_CONFIG },
    },
  });
  for (let fails = 0; fails < 2; fails++) {
    writeFileSync(collector.fuse, 'throw');
    await agent.until('the worker to have failed', () => !existsSync(collector.fuse));
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
