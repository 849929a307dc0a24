/** Metrics of containers and units that BPF maps hold, from a map to the page, over the end of a container and of the worker. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { OwnBpf } from '../../src/collector/bpf.ts';
import { KernelMap } from '../../src/decoder/maps.ts';
import { CollectorMetrics } from '../../src/map-metrics/collector-metrics.ts';
import type { MapLayout } from '../../src/schema/manifest.ts';
import type { Container, Owner, Unit } from '../../src/sdk/container.ts';
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
  readonly units = new Map<string, Unit>();
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

  startUnit(id: string, cgroup: bigint): void {
    this.units.set(id, { id, cgroups: { memory: `/cgroup/${id}` }, cgroupIds: [cgroup] });
    this.#owners.set(cgroup, { type: 'unit', name: id, cgroupPath: `/system.slice/${id}`, top: cgroup });
  }

  /** One without series. */
  nameUnit(name: string, cgroup: bigint): void {
    this.#owners.set(cgroup, { type: 'unit', name, cgroupPath: `/system.slice/${name}` });
  }

  /** A worker: `page()` gives `<metric> <container or unit>` and the number of each series. */
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
        units: () => [...this.units.values()],
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
          samples.map(({ labels, value }) => [
            `${name} ${labels.container_id ?? labels.systemd_unit}`,
            value,
          ]),
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

test('a unit has a family of its own, which goes on when it is started again', async () => {
  const host = new Host();
  const page = host.worker();
  host.start('a', 7n);
  host.startUnit('nginx.service', 8n);
  host.entries.kills_total?.set(7n, 1n).set(8n, 5n);
  host.entries.level?.set(8n, 9n);
  assert.deepEqual(await page(), {
    'test_kills_total a': 1,
    'test_unit_kills_total nginx.service': 5,
    'test_unit_level nginx.service': 9,
  });
  host.entries.kills_total?.set(8n, 6n).set(9n, 1n);
  host.startUnit('nginx.service', 9n);
  const restarted = { 'test_kills_total a': 1, 'test_unit_kills_total nginx.service': 7 };
  assert.deepEqual(await page(), restarted, 'the level of the run that has ended is none');
  assert.deepEqual(await page(), restarted);
  assert.equal(host.entries.kills_total?.has(8n), false, 'its entry is given back');
  host.units.clear();
  assert.deepEqual(await host.worker()(), restarted, 'also by the next worker, after its end');
});

test('a unit without series has none in a map either', async () => {
  const host = new Host();
  host.nameUnit('run-u1.service', 8n);
  host.entries.kills_total?.set(8n, 5n);
  assert.deepEqual(await host.worker()(), {});
});
