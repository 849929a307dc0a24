/**
 * The metrics that tags in the C source declare (bpf/include/metric.h), read from the object's maps at a scrape.
 *
 *   entry ──key──► labels: enum names, disk names, whose the cgroup is ──► which series
 *         ──value► number, array or histogram, over CPUs and a container's cgroups ──► what it adds
 *
 * An entry whose container, unit or disk is gone is deleted from its map once it has stood still from one scrape to the next, so
 * that its room is free again. What the page has shown of it stays until it is over (`held-counts.ts`).
 */
import type { KernelMap } from '../decoder/maps.ts';
import { foldValues } from '../decoder/value.ts';
import type { MapLayout, MetricLayout, ObjectManifest } from '../schema/manifest.ts';
import { keyCgroup, keyLabels } from '../schema/metrics.ts';
import { type Owner, workloadLabels, workloadOf } from '../sdk/container.ts';
import type { Containers } from '../sdk/context.ts';
import type { GoneContainers } from '../sdk/gone-containers.ts';
import type { KeptSeries } from '../sdk/kept-series.ts';
import { type Instruments, type MetricSpecs, WORKLOAD_LABELS } from '../sdk/metrics.ts';
import {
  CONTAINER_CGROUPS,
  ContainerCgroups,
  type MapEntry,
  type MapReader,
  readSteady,
} from './cgroup-maps.ts';
import { DiskNames } from './disk-names.ts';
import { HeldCounts } from './held-counts.ts';
import { type AnyInstrument, keyLabelValues, keyText, type LabelValues, MetricSeries } from './map-series.ts';
import { numbersOf, type ReadNumbers } from './metric-numbers.ts';

/** What the reader needs of the thread it runs in. */
export interface MapMetricsDependencies {
  /** Its name. */
  readonly collector: string;
  /** Those of `metricMaps`. */
  readonly maps: readonly MapLayout[];
  readonly sysfs: string;
  /** `resolve` gives undefined when there was no answer in time. */
  readonly containers: Pick<Containers, 'list' | 'units'> & {
    resolve(cgroupId: bigint, controller: string | undefined): Promise<Owner | undefined>;
  };
  readonly instruments: Instruments<MetricSpecs>;
  /** Has begun this scrape. */
  readonly gone: GoneContainers;
  /** Where what was shown outlives the worker. */
  readonly kept: KeptSeries;
}

type AnyMap = KernelMap<unknown, unknown>;

/** What an entry's cgroup, if it has one, gives to its series. */
interface EntryOwner {
  readonly labels: LabelValues;
  /** Of a unit: which of its runs this is. */
  readonly run: bigint;
  /** The container, or that run of the unit. */
  readonly ended: boolean;
}

/** Most entries of gone owners that one scrape deletes: each is a call to the thread that talks to the kernel. */
const MAX_DELETIONS = 256;

/** Maps of an object that declare metrics, and the one with which their programs are told of containers. */
export function metricMaps(manifest: Pick<ObjectManifest, 'maps'> | undefined): readonly MapLayout[] {
  return (manifest?.maps ?? []).filter(({ name, metrics }) => metrics ?? name === CONTAINER_CGROUPS);
}

/** Specs of the metrics that maps declare, by their full name. */
export function mapMetricSpecs(maps: readonly MapLayout[]): MetricSpecs {
  const specs = maps.flatMap((map) => (map.metrics ?? []).map((metric) => ({ map, metric })));
  return Object.fromEntries(
    specs.map(({ map, metric: { type, name, help, buckets, ...metric } }) => [
      name,
      { type, name, help, labels: labelNames(map, metric), ...(buckets && { buckets }) },
    ]),
  );
}

function labelNames(map: MapLayout, metric: Pick<MetricLayout, 'shared' | 'perCpu' | 'each'>): string[] {
  const { shared, perCpu, each } = metric;
  return [
    ...(shared ? ['collector'] : []),
    ...(keyCgroup(map) ? WORKLOAD_LABELS : []),
    ...keyLabels(map).map(({ name }) => name),
    ...[perCpu, each].filter((label) => label !== undefined),
  ];
}

/** A level is not held: of a container that has ended there is none. */
function heldCounts({ maps, kept }: MapMetricsDependencies): ReadonlyMap<string, HeldCounts> {
  const counting = maps
    .filter((map) => keyCgroup(map))
    .flatMap((map) => (map.metrics ?? []).map((metric) => ({ map, metric })))
    .filter(({ metric }) => metric.type !== 'gauge');
  return new Map(
    counting.map(({ map, metric }) => [
      metric.name,
      new HeldCounts(metric.name, labelNames(map, metric), kept),
    ]),
  );
}

export class MapMetrics {
  readonly #dependencies: MapMetricsDependencies;
  readonly #maps: readonly MapLayout[];
  /** Undefined in an object without counters of cgroups. */
  readonly #containerCgroups: ContainerCgroups | undefined;
  /** What entries without a live owner had counted at the scrape before. */
  #ownerless = new Map<string, string>();
  readonly #readers = new Map<MetricLayout, ReadNumbers>();
  /** By the name of their metric: those of containers that count. */
  readonly #held: ReadonlyMap<string, HeldCounts>;

  constructor(dependencies: MapMetricsDependencies) {
    this.#dependencies = dependencies;
    const { maps } = dependencies;
    this.#maps = maps.filter(({ metrics }) => metrics);
    if (maps.some(({ name }) => name === CONTAINER_CGROUPS))
      this.#containerCgroups = new ContainerCgroups(maps);
    this.#held = heldCounts(dependencies);
  }

  /**
   * Brings the instruments up to date. An object that is not loaded has counted nothing.
   * @throws SYSCALL_FAILED when a map cannot be read
   */
  async update(bpf: { readonly loaded: Promise<MapReader> | undefined }): Promise<void> {
    const object = this.#maps.length > 0 ? await bpf.loaded : undefined;
    if (!object) return;
    const { containers } = this.#dependencies;
    const workloads = [...containers.list(), ...containers.units()];
    await this.#containerCgroups?.tell(object.map(CONTAINER_CGROUPS), workloads);
    const disks = new DiskNames(this.#dependencies.sysfs);
    const ownerless = new Map<string, string>();
    let deletions = MAX_DELETIONS;
    const names = this.#maps.map(({ name }) => name);
    for (const { map, entries } of await readSteady(object, names, this.#containerCgroups !== undefined)) {
      for (const { key, views } of await this.#show(map, entries, disks)) {
        const name = `${map.layout.name} ${keyText(key)}`;
        const counted = keyText(foldValues(views, map.layout.value));
        ownerless.set(name, counted);
        // One that still counts may be in a program's hands: what that adds after the deletion would be lost unseen.
        if (this.#ownerless.get(name) === counted && deletions-- > 0) await map.delete(key);
      }
    }
    this.#ownerless = ownerless;
  }

  /** @returns the entries whose owner is gone: they count no more */
  async #show({ layout }: AnyMap, entries: readonly MapEntry[], disks: DiskNames): Promise<MapEntry[]> {
    const owners = await this.#owners(layout, entries);
    const all = (layout.metrics ?? []).map(
      (metric) => new MetricSeries(metric, this.#readerOf(layout, metric), this.#dependencies.collector),
    );
    const gone: MapEntry[] = [];
    for (const [index, { key, views }] of entries.entries()) {
      const owner = owners[index];
      if (owner === undefined) continue;
      const labels = owner && keyLabelValues(layout, key, disks);
      if (labels && owner) {
        const together = { ...owner.labels, ...labels };
        const name = `${owner.run} ${JSON.stringify(Object.values(together))}`;
        for (const series of owner.ended ? all.filter(({ counts }) => counts) : all)
          series.add(name, together, views, owner.run);
      }
      if (!labels || owner?.ended) gone.push({ key, views });
    }
    for (const series of all) {
      const instrument = this.#dependencies.instruments[series.name] as unknown as AnyInstrument;
      const held = this.#held.get(series.name);
      series.show(instrument, held?.show(series.sums, this.#dependencies.gone));
    }
    return gone;
  }

  #readerOf(layout: MapLayout, metric: MetricLayout): ReadNumbers {
    const reader = this.#readers.get(metric) ?? numbersOf(layout, metric);
    this.#readers.set(metric, reader);
    return reader;
  }

  /**
   * Whose each entry is; null for cgroups without series of their own, and for what is over; undefined when that is not known yet.
   */
  async #owners(layout: MapLayout, entries: readonly MapEntry[]): Promise<(EntryOwner | null | undefined)[]> {
    const cgroup = keyCgroup(layout);
    if (!cgroup) return entries.map(() => ({ labels: {}, run: 0n, ended: false }));
    const { containers, gone } = this.#dependencies;
    const idOf = (key: unknown): bigint =>
      (cgroup.name === '' ? key : (key as Record<string, unknown>)[cgroup.json]) as bigint;
    const owners = await Promise.all(
      entries.map(({ key }) => containers.resolve(idOf(key), cgroup.controller)),
    );
    const live = new Map(containers.list().map((container) => [container.id, container]));
    const runs = new Map(containers.units().map(({ id, cgroupIds }) => [id, cgroupIds]));
    return owners.map((owner) => {
      if (!owner) return undefined;
      const workload = workloadOf(owner);
      if (!workload || gone.isOver(workload.id)) return null;
      const { id, labels } = workload;
      if (owner.type === 'unit') {
        const { top: run = 0n } = owner;
        return { labels, run, ended: !runs.get(id)?.includes(run) };
      }
      const running = live.get(id);
      return { labels: running ? workloadLabels(running) : labels, run: 0n, ended: running === undefined };
    });
  }
}
