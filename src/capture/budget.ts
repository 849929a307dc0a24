/**
 * What a collector may spend on captures within an hour, over all its subjects: how many it starts, and their CPU time. That is
 * known when it has been used, so the last capture may go beyond it, by as much as its deadline and the fence of the collector
 * let it.
 */

const HOUR_NS = 3_600_000_000_000n;
const MINUTE_NS = 60_000_000_000n;

export interface HourlyLimits {
  readonly captures: number;
  readonly cpu_seconds: number;
}

/** CPU time of one minute, which is told by its start. */
type Spending = readonly [minute_ns: bigint, cpu_seconds: number];

/** Plain data: what a later budget goes on with. */
export interface Spent {
  /** Captures within the last hour, oldest first; never more than the limit. */
  readonly starts: readonly bigint[];
  readonly cpu: readonly Spending[];
}

/** Why no capture may start: there were as many, or they have used as much CPU time, as an hour has. */
export type Exhausted = 'budget' | 'cpu_budget';

export class HourlyBudget {
  readonly #limits: HourlyLimits;
  #starts: readonly bigint[];
  /** Oldest first; one for each minute of an hour at most. */
  #cpu: readonly Spending[];

  /** @param spent what a former budget had in `spent` */
  constructor(limits: HourlyLimits, { starts, cpu }: Spent = { starts: [], cpu: [] }) {
    this.#limits = limits;
    this.#starts = limits.captures === 0 ? [] : starts.slice(-limits.captures);
    this.#cpu = cpu;
  }

  /** @param cpu_seconds that captures have used since the last call */
  spend(now_ns: bigint, cpu_seconds: number): void {
    if (cpu_seconds <= 0) return;
    const minute_ns = now_ns - (now_ns % MINUTE_NS);
    const [last_ns, before] = this.#cpu.at(-1) ?? [];
    const isSame = last_ns === minute_ns;
    const others = isSame ? this.#cpu.slice(0, -1) : this.#cpu;
    this.#cpu = [...within(others, now_ns), [minute_ns, (isSame ? (before ?? 0) : 0) + cpu_seconds]];
  }

  /** @returns undefined when one more may start now, which counts as started then; or what keeps it from it */
  take(now_ns: bigint): Exhausted | undefined {
    this.#starts = this.#starts.filter((start) => now_ns - start < HOUR_NS);
    this.#cpu = within(this.#cpu, now_ns);
    if (this.#starts.length >= this.#limits.captures) return 'budget';
    const cpu_seconds = this.#cpu.reduce((sum, [, seconds]) => sum + seconds, 0);
    if (cpu_seconds >= this.#limits.cpu_seconds) return 'cpu_budget';
    this.#starts = [...this.#starts, now_ns];
    return undefined;
  }

  get spent(): Spent {
    return { starts: this.#starts, cpu: this.#cpu };
  }
}

function within(cpu: readonly Spending[], now_ns: bigint): readonly Spending[] {
  return cpu.filter(([minute_ns]) => now_ns - minute_ns < HOUR_NS);
}
