/** A new configuration is all or nothing, and replaces only what it touches. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { reloadAgent } from '../../src/cli/reload.ts';
import { directoryWith } from '../config/collectors.ts';
import { auditSequences, closedLedger, readEvents } from '../soak/audit.ts';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG, flood, floodDocuments } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { Producer } from '../support/producer.ts';
import { sampleValue } from '../support/prometheus-text.ts';

const skip = skipWithoutBpf();
const collectors = skip ? '' : await builtCollectors('collectors');

function startFlooded(more: Partial<Parameters<typeof AgentProcess.start>[0]> = {}): Promise<AgentProcess> {
  const config = { collectors: { flood: FLOOD_CONFIG } };
  return AgentProcess.start({ collectors, only: ['flood'], config, ...more });
}

/** When each actor began its present state: unchanged for those that were left alone. */
async function starts(agent: AgentProcess): Promise<Record<string, string>> {
  const { actors } = await agent.status();
  return Object.fromEntries(actors.map(({ name, state, since }) => [name, `${state} ${since}`]));
}

test('a valid configuration restarts only the collectors whose part changed', { skip }, async () => {
  await using agent = await AgentProcess.start({ only: ['softirq', 'runqlat', 'loadavg'] });
  const before = await starts(agent);
  agent.configure({ collectors: { softirq: { threshold: '1ms' } } });
  assert.equal(await agent.reload(), 'configuration reloaded: softirq');
  const after = await agent.until('softirq to run again', async () => {
    const now = await starts(agent);
    return now.softirq?.startsWith('running') && now.softirq !== before.softirq ? now : undefined;
  });
  for (const name of ['runqlat', 'journal', 'prometheus']) assert.equal(after[name], before[name], name);
});

test('a host that gets its name later has it after a reload, in metrics and documents; a set one counts for more', {
  skip,
}, async () => {
  await using agent = await startFlooded({
    wrapper: ['unshare', '--uts', '--', 'sh', '-c', 'hostname localhost; exec "$@"', 'sh'],
  });
  const hostOf = (): Promise<string | undefined> =>
    agent.get('/metrics').then((page) => /^huatuo_bamai_scrape.*host="([^"]*)"/m.exec(page)?.[1]);
  assert.equal(await hostOf(), 'localhost');
  execFileSync('nsenter', ['--target', `${agent.pid}`, '--uts', 'hostname', 'node-17']);
  await agent.reload();
  assert.equal(await hostOf(), 'node-17');
  assert.equal((await agent.status()).agent.hostname, 'node-17');
  await agent.until('flood to run again', async () => (await agent.actor('flood')).state === 'running');
  flood(10);
  await agent.until('its documents', () => floodDocuments(agent.journal).size === 10);
  const file = readdirSync(join(agent.journal, 'flood')).find((name) => name.endsWith('.ndjson')) ?? '';
  assert.match(readFileSync(join(agent.journal, 'flood', file), 'utf8'), /"hostname":"node-17"/);
  agent.configure({ hostname: 'set-by-hand', collectors: { flood: FLOOD_CONFIG } });
  await agent.reload();
  assert.equal(await hostOf(), 'set-by-hand');
});

test('nothing is replaced when nothing changed', { skip }, async () => {
  await using agent = await AgentProcess.start({ only: ['runqlat'] });
  const before = await starts(agent);
  assert.equal(await agent.reload(), 'configuration reloaded: nothing changed');
  assert.deepEqual(await starts(agent), before);
});

test('an invalid configuration is refused with its reason, and the old one stays in force', {
  skip,
}, async () => {
  await using agent = await AgentProcess.start({ only: ['runqlat'] });
  const before = await starts(agent);
  agent.configure({ collectors: { softirq: { treshold: '1ms' } } });
  await assert.rejects(agent.reload(), { code: 'CONFIG_INVALID', message: /treshold/ });
  assert.deepEqual(await starts(agent), before);
  assert.equal(sampleValue(await agent.metrics(), 'huatuo_config_last_reload_successful', {}), 0);
  agent.configure({});
  agent.signal('SIGHUP');
  await agent.until(
    'SIGHUP to be taken',
    async () => sampleValue(await agent.metrics(), 'huatuo_config_last_reload_successful', {}) === 1,
  );
});

test('a configuration that `huatuo check` refuses for this host does not replace what works', {
  skip,
}, async () => {
  await using agent = await AgentProcess.start({ only: ['loadavg'] });
  const before = await starts(agent);
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ collectors: { dropwatch: { enabled: true, filter: 'udp prt 9' } } }, /a filter as tcpdump takes it/],
    [{ path: { procfs: '/nonexistent' } }, /path\.procfs.*the mount point of procfs/],
    [{ web: { config_file: '/nonexistent' } }, /web\.config_file.*a file that can be read/],
    [{ journal: { directory: '/etc' } }, /journal\.directory.*a directory of its own/],
  ];
  for (const [config, message] of refused) {
    agent.configure({ ...config });
    await assert.rejects(agent.reload(), { code: 'CONFIG_INVALID', message });
  }
  assert.deepEqual(await starts(agent), before);
});

test('the answer arrives also when the HTTP server is replaced, and when the socket moves', {
  skip,
}, async () => {
  await using agent = await AgentProcess.start({ only: ['loadavg'] });
  using scratch = directoryWith({});
  agent.configure({ web: { scrape_timeout: '3s' } });
  assert.equal(await agent.reload(), 'configuration reloaded: prometheus');
  const socket = join(scratch.path, 'reload.sock');
  agent.configure({ web: { scrape_timeout: '3s' }, reload: { socket, access: 'group' } });
  assert.equal(await agent.reload(), 'configuration reloaded: nothing changed');
  await assert.rejects(agent.reload(), { code: 'AGENT_UNREACHABLE' });
  const place = { reload: { socket, access: 'group' }, journal: { directory: agent.journal } } as const;
  assert.equal(await reloadAgent(place), 'configuration reloaded: nothing changed');
  await agent.stop();
  assert.equal(existsSync(socket), false);
});

test('a port that is taken leaves the page where it was', { skip }, async () => {
  await using other = await AgentProcess.start({ only: ['loadavg'] });
  await using agent = await AgentProcess.start({ only: ['loadavg'] });
  const taken = /"port":(\d+)/.exec(other.stderr)?.[1];
  agent.configure({ web: { listen_address: `127.0.0.1:${taken}` } });
  agent.signal('SIGHUP');
  await agent.until('the reload to be refused', () => agent.stderr.includes('reload refused'));
  assert.match(agent.stderr, /PORT_IN_USE/);
  assert.equal((await other.status()).agent.state, 'ready');
});

test('events that were produced before a reload are on disk after it', { skip }, async () => {
  await using agent = await startFlooded();
  flood(5000);
  agent.configure({
    collectors: { flood: FLOOD_CONFIG },
    ring: { wakeup_age: '20ms' },
  });
  await agent.reload();
  assert.equal(floodDocuments(agent.journal).size, 5000);
});

test('what changes nothing of the programs is put in force without a gap: every event is on disk once, and counts go on', {
  skip,
}, async () => {
  await using agent = await startFlooded();
  using producer = new Producer({ collector: 'flood', events: 20, every_ms: 5 });
  for (const region of ['one', 'two', 'three']) {
    const { made } = producer;
    await agent.until('events meanwhile', () => producer.made > made);
    agent.configure({ region, collectors: { flood: FLOOD_CONFIG } });
    assert.match(await agent.reload(), /flood/);
  }
  producer[Symbol.dispose]();
  await closedLedger(agent, 'flood', producer.made);
  const events = readEvents(agent.journal, 'flood');
  const { most_copies } = auditSequences(events);
  assert.deepEqual([events.length, most_copies], [producer.made, 1]);
  assert.deepEqual([...new Set(events.map(({ region }) => region))].sort(), [
    'default',
    'one',
    'three',
    'two',
  ]);
  const written = { collector: 'flood' };
  assert.equal(
    sampleValue(await agent.metrics('agent'), 'huatuo_events_journalled_total', written),
    producer.made,
  );
});
