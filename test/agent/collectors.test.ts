/** Which collectors a configuration stops and starts; the collectors themselves do nothing here. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { CollectorChild } from '../../src/agent/child.ts';
import { type CollectorMaker, Collectors, type Wanted } from '../../src/agent/collectors.ts';
import type { Legacy } from '../../src/agent/legacy.ts';
import { createCatalog } from '../../src/catalog/catalog.ts';
import type { CatalogEntry } from '../../src/catalog/entry.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import type { EffectiveConfig } from '../../src/config/effective.ts';
import { loadConfig } from '../../src/config/load.ts';
import { HuatuoError } from '../../src/error.ts';
import { at } from '../../src/paths.ts';
import { allocateSeries } from '../../src/sdk/kept-series.ts';
import { memoryLog } from '../storage/journal/fixture.ts';

const all = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
const NAMES = ['oom', 'runqlat', 'softirq'];
const catalog = createCatalog(all.entries.filter(({ name }) => NAMES.includes(name)));
const { config } = loadConfig({ overrides: [], catalog });
const WANTED: Wanted = { config, catalog };

function withRing(changes: Partial<EffectiveConfig['ring']>): Wanted {
  return { config: { ...config, ring: { ...config.ring, ...changes } }, catalog };
}

let steps: string[] = [];
let brokenStop = '';
beforeEach(() => {
  steps = [];
  brokenStop = '';
});

function createChild(entry: CatalogEntry): CollectorChild {
  const { name } = entry;
  return {
    entry,
    workers: [],
    readers: [],
    isPinned: false,
    settled: Promise.resolve(),
    start: () => void steps.push(`start ${name}`),
    status: () => assert.fail('not asked'),
    ledger: () => undefined,
    stop: async () => {
      steps.push(`stop ${name}`);
      if (name === brokenStop) throw new Error('a map that cannot be unmapped');
      return 2n;
    },
  };
}

const MAKER: CollectorMaker = { create: createChild, source: () => undefined };

const ALL = (step: string): string[] => NAMES.map((name) => `${step} ${name}`);

test('those that a configuration does not touch run on', async () => {
  const collectors = new Collectors(MAKER, memoryLog());
  assert.deepEqual(collectors.start(WANTED), NAMES);
  const { oom, ...others } = config.collectors;
  const changed = {
    catalog,
    config: { ...config, collectors: { ...others, oom: { ...oom!, enabled: false } } },
  };
  assert.deepEqual([...(await collectors.stopChanged(changed)).keys()], ['oom']);
  assert.deepEqual(collectors.start(changed), []);
  assert.deepEqual(steps, [...ALL('start'), 'stop oom']);
});

test('what a refused configuration has stopped is started again by the old one', async () => {
  const collectors = new Collectors(MAKER, memoryLog());
  collectors.start(WANTED);
  await collectors.stopChanged(withRing({ wakeup_age_ms: 7 }));
  assert.deepEqual([...(await collectors.stopChanged(WANTED)).keys()], []);
  assert.deepEqual(collectors.start(WANTED), NAMES);
});

test('one that runs on under another configuration leaves to its successor what it has; one that does not is stopped', async () => {
  const legacies = new Map<string, Legacy | undefined>();
  const legacy: Legacy = { series: allocateSeries() };
  const maker: CollectorMaker = {
    create(entry, left) {
      legacies.set(entry.name, left);
      return { ...createChild(entry), leave: async () => legacy };
    },
    source: () => undefined,
  };
  const collectors = new Collectors(maker, memoryLog());
  collectors.start(WANTED);
  const next = withRing({ wakeup_age_ms: 7 });
  const { oom, ...others } = next.config.collectors;
  const changed = {
    catalog,
    config: { ...next.config, collectors: { ...others, oom: { ...oom!, enabled: false } } },
  };
  collectors.start(changed, await collectors.stopChanged(changed));
  assert.deepEqual(steps, [...ALL('start'), 'stop oom', 'start runqlat', 'start softirq']);
  assert.deepEqual([...legacies.values()], [undefined, legacy, legacy]);
});

test('events that are lost with one that a reload stops or replaces are told, and that none is is not', async () => {
  const log = memoryLog();
  const leave = async (): Promise<Legacy> => ({ series: allocateSeries(), lost: 1n });
  const create: CollectorMaker['create'] = (entry) => ({
    ...createChild(entry),
    ...(entry.name !== 'oom' && { leave }),
    ...(entry.name === 'softirq' && { leave: async () => ({ series: allocateSeries() }) }),
  });
  const collectors = new Collectors({ ...MAKER, create }, log);
  collectors.start(WANTED);
  const next = withRing({ wakeup_age_ms: 7 });
  const { oom, ...others } = next.config.collectors;
  await collectors.stopChanged({
    catalog,
    config: { ...next.config, collectors: { ...others, oom: { ...oom!, enabled: false } } },
  });
  const told = 'which it had not saved when it was replaced or stopped';
  assert.deepEqual(log.lines, [
    `error 2 events of oom lost, ${told}`,
    `error 1 event of runqlat lost, ${told}`,
  ]);
});

test('a stop of the agent leaves those alone that a reload has not come to', async () => {
  const collectors = new Collectors(MAKER, memoryLog());
  collectors.start(WANTED);
  const stop = new AbortController();
  stop.abort(new HuatuoError('CANCELLED', { found: 'a test', remedy: 'none' }));
  const stopped = await collectors.stopChanged(withRing({ wakeup_age_ms: 7 }), stop.signal);
  assert.deepEqual([[...stopped.keys()], steps, collectors.names], [[], ALL('start'), NAMES]);
});

test('what it has come to gets a successor, which drains what was left to it', async () => {
  const stop = new AbortController();
  const legacies: unknown[] = [];
  const legacy = {} as Legacy;
  const leave = async (): Promise<Legacy> => {
    stop.abort();
    return legacy;
  };
  const create: CollectorMaker['create'] = (entry, left) => {
    legacies.push(left);
    return { ...createChild(entry), leave };
  };
  const collectors = new Collectors({ ...MAKER, create }, memoryLog());
  collectors.start(WANTED);
  const next = withRing({ wakeup_age_ms: 7 });
  const left = await collectors.stopChanged(next, stop.signal);
  assert.deepEqual([[...left.keys()], collectors.start(next, left)], [['oom'], ['oom']]);
  assert.equal(legacies.at(-1), legacy);
  assert.deepEqual(collectors.names.toSorted(), NAMES);
});

test('one that cannot leave anything is in the log, and replaced', async () => {
  const log = memoryLog();
  const leave = () => Promise.reject(new Error('a map that cannot be unmapped'));
  const create: CollectorMaker['create'] = (entry) => ({ ...createChild(entry), leave });
  const collectors = new Collectors({ ...MAKER, create }, log);
  collectors.start(WANTED);
  const next = withRing({ wakeup_age_ms: 7 });
  assert.deepEqual(collectors.start(next, await collectors.stopChanged(next)), NAMES);
  assert.equal(log.lines.length, NAMES.length);
});

test('one that cannot be stopped in good order keeps no other from it, and is in the log', async () => {
  const log = memoryLog();
  const collectors = new Collectors(MAKER, log);
  collectors.start(WANTED);
  brokenStop = 'oom';
  assert.deepEqual(await collectors.stopAll(), { waiting: {}, lost: { runqlat: 2, softirq: 2 } });
  assert.deepEqual(log.lines, ['error oom was not stopped in good order']);
});
