/**
 * Counters that are read anew for each scrape, kept from falling by jitter. proc_stat(5) says of iowait that it may decrease,
 * and others round; to Prometheus every fall is a restart from 0, after which all of the value is new.
 */
import type { MetricFamily } from '../sdk/metrics.ts';

/** What falls below this part of what it was has begun anew, as after a CPU was taken away and came back: that is passed on. */
const RESTARTED = 0.5;

export class SteadyCounters {
  /** The highest value of each series since it began, the one that was read last behind the others. */
  readonly #highest = new Map<string, number>();
  readonly #maxSeries: number;

  /** @param maxSeries most series that are remembered; of what is beyond it the least recent is taken at its word */
  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  /** @returns the families, in which no counter is a little lower than it was before */
  hold(families: readonly MetricFamily[]): readonly MetricFamily[] {
    const held = families.map((family) => (family.type === 'counter' ? this.#held(family) : family));
    for (const oldest of this.#highest.keys()) {
      if (this.#highest.size <= this.#maxSeries) break;
      this.#highest.delete(oldest);
    }
    return held;
  }

  #held(family: MetricFamily): MetricFamily {
    const samples = family.samples.map((sample) => {
      const key = `${family.name} ${JSON.stringify(sample.labels)}`;
      const highest = this.#highest.get(key) ?? 0;
      const value = sample.value < highest && sample.value >= highest * RESTARTED ? highest : sample.value;
      this.#highest.delete(key);
      this.#highest.set(key, value);
      return { ...sample, value };
    });
    return { ...family, samples };
  }
}
