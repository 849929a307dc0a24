/**
 * What the metric maps of an object held, kept as a fixture: recorded where the kernel runs the programs, replayed to a page
 * anywhere. A recording belongs to one layout of the maps. When that changes, record again, with the test that made it.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KernelMap, type MapBatch } from '../../src/decoder/maps.ts';
import { decodeValue } from '../../src/decoder/value.ts';
import { CollectorMetrics } from '../../src/map-metrics/collector-metrics.ts';
import { DiskNames } from '../../src/map-metrics/disk-names.ts';
import { metricMaps } from '../../src/map-metrics/map-metrics.ts';
import { at } from '../../src/paths.ts';
import type { MapLayout } from '../../src/schema/manifest.ts';
import { keyLabels } from '../../src/schema/metrics.ts';
import type { Container } from '../../src/sdk/container.ts';
import { allocateSeries } from '../../src/sdk/kept-series.ts';
import { DEFAULT_MAX_SERIES } from '../../src/sdk/metrics.ts';
import { directoryWith } from '../config/collectors.ts';
import { pageOf } from './families.ts';
import { builtManifest } from './ring-recording.ts';

/** Keys and values, hexadecimal; a per-CPU value is those of all CPUs. */
type MapDump = Readonly<Record<string, readonly (readonly [key: string, value: string])[]>>;

interface Recording {
  readonly layout: string;
  readonly maps: MapDump;
}

const pathOf = (collector: string): string => at(`test/fixtures/maps/${collector}.json`);
const golden = (collector: string): string => at(`test/fixtures/maps/${collector}.golden.prom`);

function hashOf(maps: readonly MapLayout[]): string {
  const places = maps.map(({ name, key, value }) => [name, key, value]);
  return createHash('sha256').update(JSON.stringify(places)).digest('hex');
}

/** @param batch as the supervisor answers it */
export async function dumpMaps(
  maps: readonly MapLayout[],
  batch: (map: string, position: Uint8Array | undefined) => Promise<MapBatch>,
): Promise<MapDump> {
  const dump: Record<string, [string, string][]> = {};
  for (const { name } of maps) {
    const entries: [string, string][] = [];
    for (let position: Uint8Array | undefined, more = true; more; more = position !== undefined) {
      const { count, keys, values, next } = await batch(name, position);
      const part = (bytes: Uint8Array, index: number): string =>
        Buffer.from(bytes)
          .subarray((index * bytes.length) / count, ((index + 1) * bytes.length) / count)
          .toString('hex');
      for (let index = 0; index < count; index++) entries.push([part(keys, index), part(values, index)]);
      position = next;
    }
    dump[name] = entries;
  }
  return dump;
}

/** Writes a recording, when the environment has HUATUO_RECORD=1. */
export function recordMaps(collector: string, maps: MapDump): void {
  if (process.env.HUATUO_RECORD !== '1') return;
  const recording: Recording = { layout: hashOf(metricMaps(builtManifest(collector))), maps };
  mkdirSync(dirname(pathOf(collector)), { recursive: true });
  writeFileSync(pathOf(collector), `${JSON.stringify(recording, null, 1)}\n`);
}

/**
 * Shows a recording as the collector's metrics, without a kernel, and compares with the golden page; UPDATE_GOLDEN=1 writes that.
 * @param owner whose all of its cgroups are
 * @returns the page, and what the maps held
 */
export async function replayMaps(
  collector: string,
  owner: Container,
): Promise<{ readonly text: string; readonly entries: MapDump }> {
  const recording = JSON.parse(readFileSync(pathOf(collector), 'utf8')) as Recording;
  const maps = metricMaps(builtManifest(collector));
  assert.equal(
    recording.layout,
    hashOf(maps),
    `the maps of ${collector} have changed: record again with HUATUO_RECORD=1`,
  );
  using sysfs = sysfsOf(maps, recording.maps);
  const metrics = new CollectorMetrics({
    collector,
    specs: {},
    maps,
    maxSeries: DEFAULT_MAX_SERIES,
    series: allocateSeries(),
    sysfs: sysfs.path,
    containers: {
      list: () => [owner],
      units: () => [],
      resolve: async () => ({ type: 'container', container: owner }),
    },
    keepGone_ms: 0,
  });
  const mapOf = (name: string): KernelMap<unknown, unknown> => {
    const layout = maps.find((map) => map.name === name);
    assert.ok(layout);
    return recordedMap(layout, recording.maps[name] ?? []);
  };
  const loaded = Promise.resolve({ map: mapOf, read: async (names: readonly string[]) => names.map(mapOf) });
  const text = pageOf(collector, await metrics.collect(async () => undefined, { loaded }));
  if (process.env.UPDATE_GOLDEN) writeFileSync(golden(collector), text);
  assert.equal(text, readFileSync(golden(collector), 'utf8'), 'if that is meant: UPDATE_GOLDEN=1');
  return { text, entries: recording.maps };
}

/** Where the disks of a recording have names, which are their numbers: `disk8:0`. */
function sysfsOf(maps: readonly MapLayout[], dump: MapDump): Disposable & { readonly path: string } {
  const directory = directoryWith({});
  const disks = join(directory.path, 'dev/block');
  mkdirSync(disks, { recursive: true });
  for (const map of maps)
    for (const { field, path } of keyLabels(map)) {
      if (field.format !== 'block_dev' && !field.numbered) continue;
      for (const [key] of dump[map.name] ?? []) {
        const bytes = Uint8Array.from(Buffer.from(key, 'hex'));
        const decoded = decodeValue(new DataView(bytes.buffer), 0, map.key, 'key');
        const device = path.reduce((value, name) => (value as Record<string, unknown>)[name], decoded);
        const number = new DiskNames('').numberOf(device as number);
        rmSync(join(disks, number), { force: true });
        symlinkSync(`../../devices/virtual/block/disk${number}`, join(disks, number));
      }
    }
  return directory;
}

/** A map that can only be read whole. */
function recordedMap(
  layout: MapLayout,
  entries: readonly (readonly [string, string])[],
): KernelMap<unknown, unknown> {
  const bytes = (side: 0 | 1): Uint8Array =>
    Uint8Array.from(Buffer.from(entries.map((one) => one[side]).join(''), 'hex'));
  const refuse = (): Promise<never> => Promise.reject(new TypeError('a recording cannot be changed'));
  return new KernelMap(layout, {
    lookup: refuse,
    batch: async () => ({ count: entries.length, keys: bytes(0), values: bytes(1) }),
    update: refuse,
    delete: refuse,
  });
}
