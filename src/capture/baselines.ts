/** Two baselines half a window apart: the older one is between half a window and a whole one old. */
import type { Baseline } from './processes.ts';

/** More often would cost more than what it tells is worth. */
const MIN_SPACING_NS = 60_000_000_000n;

export class Baselines {
  readonly #spacing_ns: bigint;
  readonly #take: (now_ns: bigint) => Baseline;
  #kept: readonly Baseline[];

  /**
   * @param window_seconds what a full window covers
   * @param kept of former ones
   */
  constructor(
    window_seconds: number,
    take: (now_ns: bigint) => Baseline,
    kept: readonly Baseline[] | undefined,
  ) {
    const half_ns = BigInt(Math.round(window_seconds * 5e8));
    this.#spacing_ns = half_ns > MIN_SPACING_NS ? half_ns : MIN_SPACING_NS;
    this.#take = take;
    this.#kept = kept ?? [];
  }

  /** Takes one when it is time. @throws SOURCE_UNREADABLE */
  refresh(now_ns: bigint): void {
    const newest = this.#kept.at(-1);
    if (newest && now_ns - newest.boottime_ns < this.#spacing_ns) return;
    this.#kept = [...this.#kept.slice(-1), this.#take(now_ns)];
  }

  /** The older one first. Plain data. */
  get kept(): readonly Baseline[] {
    return this.#kept;
  }
}
