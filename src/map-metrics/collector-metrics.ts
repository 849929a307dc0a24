/**
 * All metrics of one collector: those that it counts itself, those that tags of its object declare, and how long series of
 * containers and units stay that have ended.
 */
import type { MapLayout } from '../schema/manifest.ts';
import type { Containers } from '../sdk/context.ts';
import { GoneContainers } from '../sdk/gone-containers.ts';
import { createInstruments, type InstrumentSet } from '../sdk/instruments.ts';
import { KeptSeries, type SeriesMemory } from '../sdk/kept-series.ts';
import type { Instruments, MetricSpecs, MetricsAnswer } from '../sdk/metrics.ts';
import { MapMetrics, type MapMetricsDependencies, mapMetricSpecs } from './map-metrics.ts';

interface CollectorMetricsDependencies {
  /** Its name. */
  readonly collector: string;
  /** What its module declares. */
  readonly specs: MetricSpecs;
  /** Maps of its object that are metrics by themselves. */
  readonly maps: readonly MapLayout[];
  readonly maxSeries: number;
  /** What an earlier worker has counted and shown. */
  readonly series: SeriesMemory;
  readonly sysfs: string;
  readonly containers: MapMetricsDependencies['containers'];
  /** `containers.keep_gone`. */
  readonly keepGone_ms: number;
  /** As in `InstrumentsOptions`. */
  readonly changes?: Int32Array<SharedArrayBuffer>;
}

/** Its object's maps, once it is loaded. */
type LoadedMaps = Parameters<MapMetrics['update']>[0];

export class CollectorMetrics {
  readonly #containers: Pick<Containers, 'list' | 'units'>;
  readonly #set: InstrumentSet<MetricSpecs>;
  readonly #maps: MapMetrics;
  readonly #gone: GoneContainers;

  constructor(dependencies: CollectorMetricsDependencies) {
    const { collector, specs, maps, maxSeries, series, sysfs, containers, keepGone_ms, changes } =
      dependencies;
    const kept = new KeptSeries(series);
    this.#containers = containers;
    this.#gone = new GoneContainers(keepGone_ms);
    this.#set = createInstruments(
      collector,
      { ...specs, ...mapMetricSpecs(maps) },
      {
        maxSeries,
        kept,
        changes,
      },
    );
    const { instruments } = this.#set;
    this.#maps = new MapMetrics({
      collector,
      maps,
      sysfs,
      containers,
      instruments,
      gone: this.#gone,
      kept,
    });
  }

  /** `ctx.metrics`. */
  get instruments(): Instruments<MetricSpecs> {
    return this.#set.instruments;
  }

  /** Whether series go by themselves: the answer to a scrape is another one although nothing was counted. */
  get mayExpire(): boolean {
    return this.#set.hasWorkloads;
  }

  /**
   * One scrape.
   * @param update what the collector does at each
   * @param known token of the answer whose text the asker has
   * @throws what `update` throws; SYSCALL_FAILED when a map cannot be read
   */
  async collect(update: () => Promise<void>, bpf: LoadedMaps, known?: string): Promise<MetricsAnswer> {
    this.#gone.begin([...this.#containers.list(), ...this.#containers.units()].map(({ id }) => id));
    this.#set.forget((id) => this.#gone.isOver(id));
    await update();
    await this.#maps.update(bpf);
    return this.#set.collect(known);
  }
}
