/** The metrics of a collector in a harness: its samples, its own instruments, and those that tags of its object declare. */
import assert from 'node:assert/strict';
import { MapMetrics, mapMetricSpecs, metricMaps } from '../../src/collector/map-metrics.ts';
import type { ContainersClient } from '../../src/containers/client.ts';
import type { StoredSample } from '../../src/pool/file-task.ts';
import type { MapLayout } from '../../src/schema/manifest.ts';
import type { Collector } from '../../src/sdk/collector.ts';
import type { CollectorContext } from '../../src/sdk/context.ts';
import { createInstruments, type InstrumentSet } from '../../src/sdk/instruments.ts';
import type { Instruments, MetricFamily, MetricSpecs } from '../../src/sdk/metrics.ts';
import type { Setup } from './harness-setup.ts';

export class HarnessMetrics {
  /** Maps that are metrics by themselves. */
  readonly maps: readonly MapLayout[];
  readonly #collector: Collector;
  readonly #isPooled: boolean;
  readonly #makeInstruments: () => InstrumentSet<MetricSpecs>;
  readonly #instruments: InstrumentSet<MetricSpecs>;
  readonly #mapMetrics: MapMetrics;
  #samples: readonly StoredSample[] = [];

  constructor(collector: Collector, { data }: Setup, containers: ContainersClient) {
    const { name, bpf, maxSeries, paths } = data;
    this.maps = metricMaps(bpf?.manifest);
    this.#collector = collector;
    this.#isPooled = collector.kind === 'metric' && !bpf;
    const specs = { ...collector.metrics, ...mapMetricSpecs(this.maps) };
    this.#makeInstruments = () => createInstruments(name, specs, { maxSeries });
    this.#instruments = this.#makeInstruments();
    this.#mapMetrics = new MapMetrics({
      collector: name,
      maps: this.maps,
      sysfs: paths.sysfs,
      containers,
      instruments: this.instruments,
    });
  }

  /** `ctx.metrics`. */
  get instruments(): Instruments<MetricSpecs> {
    return this.#instruments.instruments;
  }

  async sample(ctx: CollectorContext): Promise<void> {
    assert.ok(this.#collector.kind === 'metric' && this.#collector.sample);
    const state = await this.#collector.sample.take(ctx);
    // Samples cross threads.
    const sample = { boottime_ns: ctx.clock.boottime_ns(), state: structuredClone(state) };
    this.#samples = [...this.#samples.slice(-1), sample];
  }

  async families(
    ctx: CollectorContext,
    bpf: Parameters<MapMetrics['update']>[0],
  ): Promise<readonly MetricFamily[]> {
    // A task on the pool keeps nothing from one scrape to the next.
    const set = this.#isPooled ? this.#makeInstruments() : this.#instruments;
    if (this.#collector.kind !== 'metric') await this.#collector.update?.(ctx);
    else await this.#collector.update({ ...ctx, metrics: set.instruments, samples: this.#samples });
    await this.#mapMetrics.update(bpf);
    return set.collect();
  }
}
