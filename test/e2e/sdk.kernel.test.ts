/** What a collector may do with a BPF object, in an agent. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { buildVariants } from '../soak/collectors.ts';
import { scratchDirectory } from '../soak/scratch.ts';
import { AgentProcess } from '../support/agent.ts';
import { FLOOD_CONFIG, flood, floodDocuments } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { samplesOf, sampleValue } from '../support/prometheus-text.ts';

const skip = skipWithoutBpf();
const RING = 1 << 20;

/** An agent with the flood fixture and a module beside it. */
async function agentWith(
  directory: string,
  module?: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<{ agent: AgentProcess; collectors: string }> {
  const collectors = await buildVariants(directory, [
    { name: 'flood', ring_bytes: RING, ...(module && { module }) },
  ]);
  const agent = await AgentProcess.start({
    collectors,
    only: ['flood', 'loadavg'],
    config: { ring: { wakeup_age: '5ms' }, collectors: { flood: { ...FLOOD_CONFIG, ...options } } },
  });
  return { agent, collectors };
}

test('a collector that reads its ring itself: batches, a start that returns and is called again, a ledger that closes', {
  skip,
}, async () => {
  using scratch = scratchDirectory();
  const { agent: started } = await agentWith(scratch.path, 'own-loop', { enough: 500 });
  await using agent = started;
  flood(500);
  await agent.until('start to return', async () => {
    const { state } = await agent.actor('flood');
    return state === 'waiting' || agent.documents('flood').some(({ data }) => data.events === 500);
  });
  flood(500);
  await agent.until(
    'all events',
    async () => sampleValue(await agent.metrics('flood'), 'huatuo_flood_events_total', {}) === 1000,
  );
  const row = await agent.until('the ledger to close', async () => {
    const found = await agent.ledger('flood');
    return found?.difference === '0' && found.pending_bytes === '0' && found;
  });
  const saved = agent.documents('flood');
  assert.equal(row.produced, String(1000 + saved.length));
  assert.equal(row.journalled, row.produced);
  assert.equal((await agent.actor('flood')).restarts, 0);
});

test('a metric collector with an object has samples, too', { skip }, async () => {
  using scratch = scratchDirectory();
  const { agent: started } = await agentWith(scratch.path, 'sampled-object');
  await using agent = started;
  await agent.until('two samples', async () => {
    const page = await agent.metrics('flood');
    assert.equal(sampleValue(page, 'huatuo_flood_loaded', {}), 1);
    return samplesOf(page, 'huatuo_flood_span_samples').length > 0;
  });
});

test('a reload replaces a collector that was rebuilt under its old name, and no other', {
  skip,
}, async () => {
  using scratch = scratchDirectory();
  const { agent: started, collectors } = await agentWith(scratch.path);
  await using agent = started;
  const since = (await agent.actor('journal')).since;
  flood(10);
  await agent.until('the first events', () => floodDocuments(agent.journal).size === 10);
  writeFileSync(
    join(collectors, 'flood.js'),
    `export default { kind: 'event', doc: 'Rebuilt.', enrich: (event) => ({ ...event, rebuilt: true }) };`,
  );
  assert.equal(await agent.reload(), 'configuration reloaded: flood');
  await agent.until('its successor', async () => (await agent.actor('flood')).state === 'running');
  flood(10);
  await agent.until('its events', () => agent.documents('flood').some(({ data }) => data.rebuilt === true));
  assert.equal(await agent.reload(), 'configuration reloaded: nothing changed');
  assert.equal((await agent.actor('journal')).since, since);
});

test('a reload names the collectors that cannot run since, and why', { skip }, async () => {
  using scratch = scratchDirectory();
  const { agent: started, collectors } = await agentWith(scratch.path);
  await using agent = started;
  writeFileSync(join(collectors, 'flood.bpf.o'), 'no object');
  assert.match(
    await agent.reload(),
    /^configuration reloaded: flood; flood is unsupported: expected .*, found /,
  );
  assert.equal((await agent.actor('flood')).state, 'unsupported');
});

test('a reload runs the new code of a collector on the pool', { skip }, async () => {
  using scratch = scratchDirectory();
  const write = (value: number): void =>
    writeFileSync(
      join(scratch.path, 'pooled.js'),
      `export default {
        kind: 'metric', doc: 'Pooled.',
        metrics: { value: { type: 'gauge', name: 'huatuo_pooled_value', help: 'Value.', labels: [] } },
        update({ metrics }) { metrics.value.set(${value}); } };`,
    );
  write(1);
  await using agent = await AgentProcess.start({ collectors: scratch.path, only: ['pooled'] });
  const value = async (): Promise<number | undefined> =>
    sampleValue(await agent.metrics('pooled'), 'huatuo_pooled_value', {});
  assert.equal(await value(), 1);
  write(2);
  assert.equal(await agent.reload(), 'configuration reloaded: pooled');
  await agent.until('the new value', async () => (await value()) === 2);
  writeFileSync(join(scratch.path, 'pooled.js'), 'export default {');
  const broken = /pooled is unsupported: expected a module in .*, found /;
  assert.match(await agent.reload(), broken);
  assert.match(agent.stderr, /"msg":"pooled is unsupported"/);
  assert.equal(await agent.reload(), 'configuration reloaded: nothing changed');
});
