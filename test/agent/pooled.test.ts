import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedPooled, pooledCollectors } from '../../src/agent/pooled.ts';
import type { CatalogEntry } from '../../src/catalog/entry.ts';
import type { CollectorConfig } from '../../src/config/effective.ts';
import type { PoolCollector } from '../../src/pool/file-task.ts';
import { allocateState } from '../../src/sdk/shared-state.ts';

function entryOf(name: string, more: Partial<CatalogEntry> = {}): CatalogEntry {
  return {
    name,
    kind: 'metric',
    doc: 'A test.',
    source: 'files',
    enabledByDefault: true,
    modulePath: `/${name}.js`,
    options: {},
    interval: 10,
    maxSeries: 10,
    aliases: [],
    contents: 'a',
    ...more,
  };
}

function collectorOf(name: string, contents = 'a', options: object = {}): PoolCollector {
  return { name, modulePath: `/${name}.js`, options, maxSeries: 10, contents, state: allocateState() };
}

function sectionOf(enabled: boolean, options: Readonly<Record<string, unknown>>): CollectorConfig {
  return { enabled, cpu: { affinity: [], nice: 0, quota_cores: undefined }, options };
}

test('enabled metric collectors without BPF run on the pool', () => {
  const entries = [
    entryOf('load'),
    entryOf('off'),
    entryOf('event', { kind: 'event' }),
    entryOf('bpf', { source: 'bpf' }),
  ];
  const section = (enabled: boolean) => sectionOf(enabled, { depth: 3 });
  const collectors = { load: section(true), off: section(false), event: section(true), bpf: section(true) };
  const [load, ...more] = pooledCollectors({ collectors }, { entries });
  assert.ok(load);
  assert.deepEqual([load, more], [{ ...collectorOf('load', 'a', { depth: 3 }), state: load.state }, []]);
});

test('a collector on the pool that was rebuilt, set otherwise, added or removed is named; others are not', () => {
  const before = ['same', 'rebuilt', 'set', 'removed'].map((name) => collectorOf(name));
  const now = [
    collectorOf('same'),
    collectorOf('rebuilt', 'b'),
    collectorOf('set', 'a', { depth: 4 }),
    collectorOf('added'),
  ];
  assert.deepEqual(changedPooled(before, now), ['rebuilt', 'set', 'added', 'removed']);
  assert.deepEqual(changedPooled(now, now), []);
});

test('what is unchanged keeps its state over a reload; what is another one has a new state', () => {
  const entries = [entryOf('load'), entryOf('set')];
  const sections = (depth: number) => ({
    load: sectionOf(true, {}),
    set: sectionOf(true, { depth }),
  });
  const before = pooledCollectors({ collectors: sections(3) }, { entries });
  const now = pooledCollectors({ collectors: sections(4) }, { entries }, before);
  assert.equal(now[0]?.state, before[0]?.state);
  assert.notEqual(now[1]?.state, before[1]?.state);
});
