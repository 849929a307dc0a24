import type { ActorStats } from '../../actor/stats.ts';
import { CpuBudget } from './budget.ts';

/**
 * Keeps one collector within its CPU quota by what the agent can always do: look at the CPU time its thread has used, make it
 * rest between batches, and then take a sample of its events. What is not sampled is counted as rate limited.
 */
export class CollectorThrottle {
  readonly #budget: CpuBudget;
  readonly #setSampling: ((every: number) => boolean) | undefined;
  readonly #stats: ActorStats;
  #sample_every = 1;
  #documents = 0n;

  /**
   * @param quota_cores CPUs' worth of time; undefined never throttles
   * @param setSampling keeps one of so many events; false while there is nothing to be sampled. Undefined where each of them
   * counts: it only rests
   */
  constructor(
    quota_cores: number | undefined,
    setSampling: ((every: number) => boolean) | undefined,
    stats: ActorStats,
  ) {
    this.#budget = new CpuBudget(quota_cores);
    this.#setSampling = setSampling;
    this.#stats = stats;
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
    const maySample = this.#setSampling !== undefined && this.#hasEvents();
    const now_ns = process.hrtime.bigint();
    const { level, rest_ms, sample_every } = this.#budget.feed(cpu_us, now_ns, maySample);
    this.#stats.set('throttle_ns', BigInt(rest_ms) * 1_000_000n);
    this.#sample(sample_every);
    return level > 0;
  }

  /** Called instead while the collector starts. */
  skip(): void {
    this.#budget.skip();
  }

  /** What no event has cost, no sample saves. */
  #hasEvents(): boolean {
    const before = this.#documents;
    this.#documents = this.#stats.get('documents');
    return this.#documents !== before || this.#stats.get('ring_bytes') > 0n;
  }

  #sample(every: number): void {
    if (every !== this.#sample_every && this.#setSampling?.(every)) this.#sample_every = every;
  }
}
