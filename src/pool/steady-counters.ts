/**
 * Counters that are read anew for each scrape, kept from falling by jitter. proc_stat(5) says of iowait that it may decrease,
 * and others round; to Prometheus every fall is a restart from 0, after which all of the value is new.
 */
import type { PageFamily } from '../storage/prometheus/family.ts';
import type { Sampled } from '../storage/prometheus/reader.ts';

/** What falls below this part of what it was has begun anew, as after a CPU was taken away and came back: that is passed on. */
const RESTARTED = 0.5;

/** The highest values of one family's series since they began, in the order of its lines. */
interface Held {
  readonly family: PageFamily;
  readonly highest: Float64Array;
  /** Of the newest reading. */
  readonly values: Float64Array;
}

export class SteadyCounters {
  /** By name. */
  #held = new Map<string, Held>();
  /** Whose counters these are. */
  #families: readonly Sampled[] = [];
  /** Series that were not in the last scrape, the one that was there last behind the others. */
  readonly #absent = new Map<string, number>();
  readonly #maxSeries: number;

  /** @param maxSeries most absent series that are remembered; of what is beyond it the least recent is taken at its word */
  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  /** Raises the values of counters that are a little lower than they were before. */
  hold(families: readonly Sampled[]): void {
    if (families !== this.#families) this.#take(families);
    for (const { highest, values } of this.#held.values())
      for (let i = 0; i < values.length; i++) {
        const [value, high] = [values[i]!, highest[i]!];
        highest[i] = values[i] = value < high && value >= high * RESTARTED ? high : value;
      }
  }

  #take(families: readonly Sampled[]): void {
    this.#families = families;
    const before = this.#held;
    const counters = families.filter(({ family }) => family.text.type === 'counter');
    const now = new Set(counters.map(({ family }) => family));
    for (const held of before.values()) if (!now.has(held.family)) this.#put(held);
    this.#held = new Map(
      counters.map(({ family, values }) => {
        const last = before.get(family.text.name);
        const highest = last?.family === family ? last.highest : this.#highestOf(family);
        return [family.text.name, { family, highest, values }];
      }),
    );
    for (const oldest of this.#absent.keys()) {
      if (this.#absent.size <= this.#maxSeries) break;
      this.#absent.delete(oldest);
    }
  }

  #put({ family, highest }: Held): void {
    for (const [i, line] of family.lines.entries()) this.#absent.set(keyOf(family, line), highest[i]!);
  }

  #highestOf(family: PageFamily): Float64Array {
    return Float64Array.from(family.lines, (line) => {
      const key = keyOf(family, line);
      const highest = this.#absent.get(key) ?? 0;
      this.#absent.delete(key);
      return highest;
    });
  }
}

function keyOf({ text }: PageFamily, line: string): string {
  return `${text.name} ${line}`;
}
