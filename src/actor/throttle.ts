/**
 * Keeps one collector within its CPU quota by what the whole agent can always do: look at the CPU time its thread has used,
 * and make it rest between batches, then take a sample of its events. What is not sampled is counted as rate limited.
 */
import { CpuBudget } from './cpu-budget.ts';
import type { Vitals } from './vitals.ts';

export class CollectorThrottle {
  readonly #budget: CpuBudget;
  readonly #setSampling: (every: number) => boolean;
  readonly #vitals: Vitals;
  #sample_every = 1;

  /**
   * @param quota_cores CPUs' worth of time; undefined never throttles
   * @param setSampling keeps one of so many events; false while there is nothing to be sampled
   */
  constructor(quota_cores: number | undefined, setSampling: (every: number) => boolean, vitals: Vitals) {
    this.#budget = new CpuBudget(quota_cores);
    this.#setSampling = setSampling;
    this.#vitals = vitals;
  }

  get throttled_seconds(): number {
    return Number(this.#budget.throttled_ns) / 1e9;
  }

  get sampling_ratio(): number {
    return 1 / this.#sample_every;
  }

  /**
   * Called every second.
   * @param cpu_us CPU time of the collector's thread so far
   * @returns whether the collector is throttled now
   */
  feed(cpu_us: number): boolean {
    const { level, rest_ms, sample_every } = this.#budget.feed(cpu_us, process.hrtime.bigint());
    this.#vitals.set('throttle_ns', BigInt(rest_ms) * 1_000_000n);
    this.#sample(sample_every);
    return level > 0;
  }

  #sample(every: number): void {
    if (every !== this.#sample_every && this.#setSampling(every)) this.#sample_every = every;
  }
}
