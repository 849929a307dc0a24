/** The metrics of a collector in a harness: its samples, its own instruments, and those that tags of its object declare. */
import assert from 'node:assert/strict';
import type { OwnBpf } from '../../src/collector/bpf.ts';
import type { ContainersClient } from '../../src/containers/client.ts';
import { CollectorMetrics } from '../../src/map-metrics/collector-metrics.ts';
import { metricMaps } from '../../src/map-metrics/map-metrics.ts';
import type { StoredSample } from '../../src/pool/file-task.ts';
import type { MapLayout } from '../../src/schema/manifest.ts';
import type { Collector } from '../../src/sdk/collector.ts';
import type { CollectorContext } from '../../src/sdk/context.ts';
import { createInstruments, type InstrumentSet } from '../../src/sdk/instruments.ts';
import type { Instruments, MetricSpecs, MetricsAnswer } from '../../src/sdk/metrics.ts';
import type { Setup } from './harness-setup.ts';

export class HarnessMetrics {
  /** Maps that are metrics by themselves. */
  readonly maps: readonly MapLayout[];
  readonly #collector: Collector;
  readonly #isPooled: boolean;
  readonly #makeInstruments: () => InstrumentSet<MetricSpecs>;
  readonly #metrics: CollectorMetrics;
  #samples: readonly StoredSample[] = [];

  constructor(collector: Collector, { data }: Setup, containers: ContainersClient) {
    const { name, bpf, maxSeries, paths } = data;
    this.maps = metricMaps(bpf?.manifest);
    this.#collector = collector;
    this.#isPooled = collector.kind === 'metric' && !bpf;
    const specs = collector.metrics ?? {};
    this.#makeInstruments = () => createInstruments(name, specs, { maxSeries });
    this.#metrics = new CollectorMetrics({
      collector: name,
      specs,
      maps: this.maps,
      maxSeries,
      series: data.series,
      sysfs: paths.sysfs,
      containers,
      keepGone_ms: data.containerKeepGone_ms,
    });
  }

  /** `ctx.metrics`. */
  get instruments(): Instruments<MetricSpecs> {
    return this.#metrics.instruments;
  }

  async sample(ctx: CollectorContext): Promise<void> {
    assert.ok(this.#collector.kind === 'metric' && this.#collector.sample);
    const state = await this.#collector.sample.take(ctx);
    // Samples cross threads.
    const sample = { boottime_ns: ctx.clock.boottime_ns(), state: structuredClone(state) };
    this.#samples = [...this.#samples.slice(-1), sample];
  }

  /** A whole one. */
  async answer(ctx: CollectorContext, bpf: Pick<OwnBpf, 'loaded'>): Promise<MetricsAnswer> {
    const collector = this.#collector;
    const update = async (metrics: Instruments<MetricSpecs>): Promise<void> =>
      collector.kind === 'metric'
        ? collector.update({ ...ctx, metrics, samples: this.#samples })
        : collector.update?.(ctx);
    if (!this.#isPooled) return this.#metrics.collect(() => update(this.instruments), bpf);
    // A task on the pool keeps nothing from one scrape to the next.
    const set = this.#makeInstruments();
    await update(set.instruments);
    return set.collect();
  }
}
