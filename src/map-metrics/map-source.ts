/**
 * A collector all of whose metrics are maps of its object, as a source of a page. The Prometheus thread reads them itself: the
 * collector's own thread sleeps on its ring, and neither wakes for a scrape nor has code for one.
 */
import type { ContainersClient } from '../containers/client.ts';
import { KernelMap, type MapBatch } from '../decoder/maps.ts';
import { shareInFlight, withDeadline } from '../promises.ts';
import type { MapLayout } from '../schema/manifest.ts';
import type { SeriesMemory } from '../sdk/kept-series.ts';
import { AnswerReader, type Reading } from '../storage/prometheus/reader.ts';
import type { MetricSource } from '../storage/prometheus/source.ts';
import type { MapReader } from './cgroup-maps.ts';
import { CollectorMetrics } from './collector-metrics.ts';
import { startShown } from './held-counts.ts';
import { metricMaps } from './map-metrics.ts';
import type { MapReads } from './map-reads.ts';

/** As the supervisor names it to the Prometheus worker. */
export interface MappedCollector {
  readonly name: string;
  /** One that takes its place has another number. */
  readonly id: number;
  /** Of its object. */
  readonly maps: readonly MapLayout[];
  readonly maxSeries: number;
  /** What was shown of containers: outlives the Prometheus worker. */
  readonly series: SeriesMemory;
}

interface MapSourceDependencies {
  readonly reads: MapReads;
  readonly containers: ContainersClient;
  readonly sysfs: string;
  /** `containers.keep_gone` */
  readonly keepGone_ms: number;
}

export class MapSource implements MetricSource {
  readonly #collector: MappedCollector;
  readonly #dependencies: MapSourceDependencies;
  readonly #reader = new AnswerReader();
  readonly #loaded: Promise<MapReader>;
  readonly #shared = shareInFlight(() => this.#collect());
  #metrics: CollectorMetrics;
  /** Whose maps `#metrics` shows, and whose were read last; undefined before there was one. */
  #shown: number | undefined;
  #object: number | undefined;

  constructor(collector: MappedCollector, dependencies: MapSourceDependencies) {
    this.#collector = collector;
    this.#dependencies = dependencies;
    this.#metrics = this.#begin();
    this.#loaded = Promise.resolve({
      map: (name: string) => this.#map(name),
      read: (names: readonly string[]) => this.#read(names),
    });
  }

  get name(): string {
    return this.#collector.name;
  }

  /** What it reads; a source for another one has to be made anew. */
  get id(): number {
    return this.#collector.id;
  }

  /** @throws COLLECTOR_STARTING, WORKER_EXITED, SYSCALL_FAILED, DEADLINE_EXCEEDED */
  scrape(deadline_ms: number): Promise<Reading> {
    return withDeadline(this.#shared(''), deadline_ms, `scrape of collector ${this.name}`);
  }

  async #collect(): Promise<Reading> {
    const answer = await this.#metrics.collect(nothing, { loaded: this.#loaded }, this.#reader.token);
    if (!this.#isAnother()) return this.#reader.read(answer);
    // What was told to the programs of the former object, and was shown of its maps, is not this one's.
    this.#metrics = this.#begin();
    return this.#reader.read(await this.#metrics.collect(nothing, { loaded: this.#loaded }));
  }

  /** Whether the maps that were read are not those that were shown before. */
  #isAnother(): boolean {
    const [object, before] = [this.#object, this.#shown];
    if (object === undefined || object === before) return false;
    this.#shown = object;
    const hasForgotten = startShown(this.#collector.series, object);
    return hasForgotten || before !== undefined;
  }

  #begin(): CollectorMetrics {
    const { name, maps, maxSeries, series } = this.#collector;
    const { containers, sysfs, keepGone_ms } = this.#dependencies;
    return new CollectorMetrics({
      collector: name,
      specs: {},
      maps: metricMaps({ maps }),
      ...{ maxSeries, series, sysfs, containers, keepGone_ms },
    });
  }

  async #read(maps: readonly string[]): Promise<readonly KernelMap<unknown, unknown>[]> {
    const { object, batches } = await this.#dependencies.reads.read({ collector: this.name, maps });
    this.#object = object;
    return maps.map((name, index) => this.#map(name, batches[index]));
  }

  #map(name: string, first?: MapBatch): KernelMap<unknown, unknown> {
    const { calls } = this.#dependencies.reads;
    const [collector, layout] = [this.name, this.#collector.maps.find((map) => map.name === name)];
    if (!layout) throw new TypeError(`${collector} has no map ${name} for a page`);
    return new KernelMap<unknown, unknown>(
      layout,
      {
        lookup: (key) => calls.mapLookup(collector, name, key),
        batch: (position) => calls.mapBatch(collector, name, position),
        update: (key, value) => calls.mapUpdate(collector, name, key, value),
        delete: (key) => calls.mapDelete(collector, name, key),
      },
      undefined,
      first,
    );
  }
}

async function nothing(): Promise<void> {}
