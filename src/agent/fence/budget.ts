/**
 * Whether a collector's thread stays within its share of CPU, and what it has to give up when it does not. Pure: the
 * supervisor's tick feeds it, and throttle.ts carries out what it says.
 *
 *   level   0     1     2     3     4     5     6   …   14
 *   rest    0     5    20   100   250   250   250      250 ms between two batches: fuller batches, same events
 *   sample  1     1     1     1     1     2     4     1024 one of so many events is kept, the others are counted
 *
 * A tick over nine tenths of the quota is one step up; three in a row under seven tenths are one step down. In between
 * nothing moves, so a collector that the throttle has just brought there does not swing. The last tenth is what keeps the
 * kernel's own quota (cgroup.ts) from ever being reached: a thread that the kernel stops for the rest of a period
 * cannot answer a scrape either, one that rests between batches can.
 */
/** What to do for now. */
export interface Throttle {
  /** 0 is full speed. */
  readonly level: number;
  readonly rest_ms: number;
  /** 1 keeps every event. */
  readonly sample_every: number;
}

const RESTS_MS = [0, 5, 20, 100, 250];
const MAX_SAMPLE_EVERY = 1024;
const MAX_LEVEL = RESTS_MS.length - 1 + Math.log2(MAX_SAMPLE_EVERY);
const FULL_SHARE = 0.9;
const CALM_SHARE = 0.7;
const CALM_TICKS = 3;

export class CpuBudget {
  readonly #quota_cores: number | undefined;
  #last: { readonly cpu_us: number; readonly now_ns: bigint } | undefined;
  #level = 0;
  #calmTicks = 0;
  #throttled_ns = 0n;

  /** @param quota_cores CPUs' worth of time, 0.5 is half of one; undefined never throttles */
  constructor(quota_cores: number | undefined) {
    this.#quota_cores = quota_cores;
  }

  /** Time spent above level 0 since the start. */
  get throttled_ns(): bigint {
    return this.#throttled_ns;
  }

  /**
   * Takes one reading, about every second, and decides.
   * @param cpu_us user and system time of the thread since it began; less than last time means a new thread
   * @param now_ns a monotonic clock
   * @param maySample without it events are not what costs the time, or each of them counts: it rests, and that is all
   */
  feed(cpu_us: number, now_ns: bigint, maySample = true): Throttle {
    const last = this.#last;
    this.#last = { cpu_us, now_ns };
    if (last && now_ns > last.now_ns) {
      const used_us = cpu_us >= last.cpu_us ? cpu_us - last.cpu_us : cpu_us;
      this.#decide(used_us, now_ns - last.now_ns, maySample ? MAX_LEVEL : RESTS_MS.length - 1);
    }
    return throttleAt(this.#level);
  }

  /** What is used from now to the next reading does not count: a start loads modules and programs, which no rest makes cheaper. */
  skip(): void {
    this.#last = undefined;
  }

  #decide(used_us: number, elapsed_ns: bigint, highest: number): void {
    if (this.#level > 0) this.#throttled_ns += elapsed_ns;
    if (this.#quota_cores === undefined) return;
    const share = (used_us * 1000) / (Number(elapsed_ns) * this.#quota_cores);
    this.#calmTicks = share < CALM_SHARE ? this.#calmTicks + 1 : 0;
    if (share > FULL_SHARE) this.#level = Math.max(this.#level, Math.min(this.#level + 1, highest));
    else if (this.#calmTicks >= CALM_TICKS) {
      this.#level = Math.max(this.#level - 1, 0);
      this.#calmTicks = 0;
    }
  }
}

function throttleAt(level: number): Throttle {
  const steepest = RESTS_MS.length - 1;
  return {
    level,
    rest_ms: RESTS_MS[Math.min(level, steepest)] ?? 0,
    sample_every: 2 ** Math.max(0, level - steepest),
  };
}
