/** Metrics of containers that BPF maps hold, from a map to the page, over the end of a container and of the worker. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { OwnBpf } from '../../src/collector/bpf.ts';
import { CollectorMetrics } from '../../src/collector/collector-metrics.ts';
import { KernelMap } from '../../src/decoder/maps.ts';
import type { MapLayout } from '../../src/schema/manifest.ts';
import type { Container, Owner } from '../../src/sdk/container.ts';
import { allocateSeries, type SeriesMemory } from '../../src/sdk/kept-series.ts';
import { container as fixture } from '../support/containers-fixture.ts';
import { familiesOf } from '../support/families.ts';

const field = { name: '', json: '', offset: 0, bytes: 8, doc: '' } as const;
const map = (name: string, type: 'counter' | 'gauge'): MapLayout => ({
  name,
  type: 'hash',
  key: [{ ...field, format: 'cgroup_id', controller: 'memory' }],
  value: [{ ...field, format: 'count' }],
  keyBytes: 8,
  valueBytes: 8,
  maxEntries: 16,
  metrics: [{ type, name: `test_${name}`, help: 'Test.', field: '' }],
});
const MAPS = [map('kills_total', 'counter'), map('level', 'gauge')];

/** A kernel whose maps outlive workers, and its containers. */
class Host {
  readonly memory: SeriesMemory = allocateSeries();
  readonly running = new Map<string, Container>();
  readonly entries: Readonly<Record<string, Map<bigint, bigint>>> = {
    kills_total: new Map(),
    level: new Map(),
  };
  readonly #owners = new Map<bigint, Owner>();

  start(id: string, cgroup: bigint): void {
    const container = fixture({ id, hostname: id, name: id, runtime: 'unknown', cgroupIds: [cgroup] });
    this.running.set(id, container);
    this.#owners.set(cgroup, { type: 'container', container });
  }

  /** A worker: `page()` gives `<metric> <container>` and the number of each series. */
  worker(keepGone_ms = 60_000) {
    const metrics = new CollectorMetrics({
      collector: 'tester',
      specs: {},
      maps: MAPS,
      maxSeries: 100,
      series: this.memory,
      sysfs: '/nonexistent',
      containers: {
        list: () => [...this.running.values()],
        resolve: async (id) => this.#owners.get(id) ?? { type: 'host', cgroupPath: '/' },
      },
      keepGone_ms,
    });
    const map = (name: string) => this.#map(name);
    const bpf = {
      loaded: Promise.resolve({ map, read: async (names: readonly string[]) => names.map(map) }),
    };
    return async (): Promise<Record<string, number>> => {
      const families = familiesOf(await metrics.collect(async () => undefined, bpf as unknown as OwnBpf));
      const own = families.filter(({ name }) => name.startsWith('test_'));
      return Object.fromEntries(
        own.flatMap(({ name, samples }) =>
          samples.map(({ labels, value }) => [`${name} ${labels.container_id}`, value]),
        ),
      );
    };
  }

  #map(name: string): KernelMap<unknown, unknown> {
    const layout = MAPS.find((one) => one.name === name);
    const entries = this.entries[name];
    assert.ok(layout && entries);
    const bytes = (numbers: Iterable<bigint>) => new Uint8Array(new BigUint64Array([...numbers]).buffer);
    return new KernelMap(layout, {
      lookup: async () => undefined,
      batch: async () => ({
        count: entries.size,
        keys: bytes(entries.keys()),
        values: bytes(entries.values()),
      }),
      update: async () => undefined,
      delete: async (key) => entries.delete(new BigUint64Array(Uint8Array.from(key).buffer)[0] ?? 0n),
    });
  }
}

test('a container that ends between two scrapes shows what it counted last, and gives back its entry', async () => {
  const host = new Host();
  const page = host.worker();
  host.start('a', 7n);
  host.entries.kills_total?.set(7n, 1n);
  host.entries.level?.set(7n, 9n);
  assert.deepEqual(await page(), { 'test_kills_total a': 1, 'test_level a': 9 });
  host.entries.kills_total?.set(7n, 3n);
  host.running.clear();
  assert.deepEqual(await page(), { 'test_kills_total a': 3 }, 'a level ends with its container');
  assert.deepEqual(await page(), { 'test_kills_total a': 3 });
  assert.equal(host.entries.kills_total?.size, 0, 'it has stood still from one scrape to the next');
  assert.deepEqual(await page(), { 'test_kills_total a': 3 }, 'also when its entry is gone');
});

test('one that no scrape has seen alive is seen once', async () => {
  const host = new Host();
  const page = host.worker(0);
  host.start('short', 7n);
  host.running.clear();
  host.entries.kills_total?.set(7n, 2n);
  assert.deepEqual(await page(), { 'test_kills_total short': 2 });
  assert.deepEqual(await page(), {});
});

test('counts of a map go on in the next worker, whatever became of the entry', async () => {
  const host = new Host();
  host.start('a', 7n);
  host.start('b', 8n);
  host.entries.kills_total?.set(7n, 5n).set(8n, 1n);
  await host.worker()();
  host.entries.kills_total?.delete(7n);
  host.entries.kills_total?.set(8n, 2n);
  host.running.delete('a');
  assert.deepEqual(await host.worker()(), { 'test_kills_total a': 5, 'test_kills_total b': 2 });
});
