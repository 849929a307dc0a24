/** How many captures a collector may start within an hour, over all its subjects. */

const HOUR_NS = 3_600_000_000_000n;

export class HourlyBudget {
  readonly #limit: number;
  /** Starts within the last hour, oldest first; never more than the limit. */
  #starts: bigint[];

  /** @param starts what a former budget had in `starts` */
  constructor(limit: number, starts: readonly bigint[] = []) {
    this.#limit = limit;
    this.#starts = limit === 0 ? [] : starts.slice(-limit);
  }

  /** @returns whether one more may start now; it counts as started then */
  take(now_ns: bigint): boolean {
    this.#starts = this.#starts.filter((start) => now_ns - start < HOUR_NS);
    if (this.#starts.length >= this.#limit) return false;
    this.#starts.push(now_ns);
    return true;
  }

  /** Plain data. */
  get starts(): readonly bigint[] {
    return this.#starts;
  }
}
