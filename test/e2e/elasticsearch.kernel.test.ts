import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { at } from '../../src/paths.ts';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG, flood } from '../support/flood.ts';
import { freePort } from '../support/free-port.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();

test('an agent whose Elasticsearch is not there starts, collects, keeps, and says so; a reload takes shipping away', {
  skip,
}, async () => {
  const elasticsearch = { hosts: [`http://127.0.0.1:${await freePort()}`], flush_interval: '10ms' };
  const collectors = { flood: FLOOD_CONFIG };
  await using agent = await AgentProcess.start({
    collectors: await builtCollectors('collectors'),
    only: ['flood'],
    config: { elasticsearch, collectors },
  });
  flood(1000);
  const shipping = await agent.until('the status to tell', async () => {
    const { elasticsearch: told } = await agent.status();
    return told?.state === 'failing' && told.streams[0]?.lag_documents === 1000 && told;
  });
  assert.match(shipping.error?.message ?? '', /ECONNREFUSED.*start the server/);
  assert.equal((await agent.status()).agent.state, 'ready');
  assert.equal((await agent.actor('elasticsearch')).state, 'running');
  const page = await agent.metrics();
  const value = (family: string, label: string): number | undefined =>
    page.get(family)?.samples.find(({ labels }) => Object.values(labels).includes(label))?.value;
  assert.equal(value('huatuo_elasticsearch_state', 'failing'), 1);
  assert.equal(value('huatuo_elasticsearch_lag_documents', 'flood'), 1000);
  assert.equal(value('huatuo_elasticsearch_lost_documents_total', 'flood'), 0);
  agent.configure({ collectors });
  assert.match(await agent.reload(), /elasticsearch/);
  const status = await agent.status();
  assert.equal(status.elasticsearch, undefined);
  assert.equal(
    status.actors.some(({ name }) => name === 'elasticsearch'),
    false,
  );
  agent.configure({ collectors, elasticsearch });
  await agent.reload();
  await agent.until(
    'it to ship again',
    async () => (await agent.status()).elasticsearch?.state === 'failing',
  );
});

test('huatuo events shows what the journal of a running agent has', { skip }, async () => {
  await using agent = await AgentProcess.start({
    collectors: await builtCollectors('collectors'),
    only: ['flood'],
    config: { collectors: { flood: FLOOD_CONFIG } },
  });
  flood(300);
  await agent.until('the events to be on disk', () => agent.documents('flood').length === 300);
  const events = (...args: readonly string[]): string[] => {
    const command = ['events', '--journal.directory', agent.journal, ...args];
    const text = execFileSync(process.execPath, [at('src/cli/huatuo.mjs'), ...command], { encoding: 'utf8' });
    return text.split('\n').slice(0, -1);
  };
  assert.equal(events('-o', 'json', '--collector', 'flood').length, 300);
  const [line = ''] = events('-o', 'json', '--filter', 'tracer_data.sequence_count == 42', '--since', '10m');
  assert.equal(JSON.parse(line).tracer_data.sequence_count, 42);
  assert.match(events()[1] ?? '', /^20\d\d-\S+ +flood +info +/);
  assert.equal(events('-o', 'json', '--until', '1d').length, 0);
});
