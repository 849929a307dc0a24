/**
 * What the page has shown of the counts of containers and units that BPF maps hold: no counter falls, and none goes before it was seen.
 *
 *   sums of this scrape ──┐
 *                         ├─ the larger of both ──► page, and what was shown last
 *   what was shown last ──┘
 *
 * A map's entry goes with its cgroup, or was not readable this time; what was shown stands until the sum is above it, and
 * of a container or unit that has ended until it is over (src/sdk/gone-containers.ts). It outlives the worker in the memory of
 * its series.
 *
 * A systemd unit is started again under its name, in a new cgroup that counts from 0: what its earlier runs have counted is
 * added to that. Runs are told apart by the inode of the cgroup, which rises, so what a run leaves behind is added once.
 */
import type { GoneContainers } from '../sdk/gone-containers.ts';
import { KeptSeries, type KeptValues, type SeriesMemory } from '../sdk/kept-series.ts';

/** No metric has a blank in its name. */
const SHOWN = ' shown';

export interface LabelledNumbers {
  readonly labels: Readonly<Record<string, string>>;
  readonly numbers: readonly number[];
}

/** Of one run of a unit; a container has one, 0. */
export interface RunNumbers extends LabelledNumbers {
  readonly run: bigint;
}

/** Values: upper and lower half of the run's inode, what earlier runs have counted, what this one has. */
interface Held {
  labels: Readonly<Record<string, string>>;
  readonly kept: KeptValues;
}

const RUN_NUMBERS = 2;
const HALF = 1n << 32n;

/** Forgets what was shown of all maps: their object is gone, and the next one counts from 0. */
export function forgetShown(memory: SeriesMemory): void {
  const kept = new KeptSeries(memory);
  for (const metric of kept.metrics) if (metric.endsWith(SHOWN)) kept.drop(metric);
}

/**
 * Begins to show the maps of an object; what was shown of another one is forgotten.
 * @param object a number above 0
 * @returns whether there was another one
 */
export function startShown(memory: SeriesMemory, object: number): boolean {
  const before = new KeptSeries(memory).mark(object);
  if (before === 0 || before === object) return false;
  forgetShown(memory);
  return true;
}

export class HeldCounts {
  readonly #metric: string;
  readonly #names: readonly string[];
  readonly #memory: KeptSeries;
  readonly #held = new Map<string, Held>();

  /**
   * Takes over what an earlier worker has shown.
   * @param metric its full name
   * @param names of its labels; `container_id` and `systemd_unit` are among them
   */
  constructor(metric: string, names: readonly string[], memory: KeptSeries) {
    this.#metric = metric + SHOWN;
    this.#names = names;
    this.#memory = memory;
    for (const record of memory.of(this.#metric)) {
      const labels = Object.fromEntries(names.map((name, index) => [name, record.labels[index] ?? '']));
      this.#held.set(this.#keyOf(labels), { labels, kept: record });
    }
  }

  /** @param sums of one scrape, of all that have any; each has the same count of numbers */
  show(sums: Iterable<RunNumbers>, gone: GoneContainers): LabelledNumbers[] {
    for (const one of [...sums].sort((a, b) => (a.run < b.run ? -1 : a.run > b.run ? 1 : 0)))
      this.#raise(one);
    const over = new Set<KeptValues>();
    for (const [key, { labels, kept }] of this.#held) {
      if (!gone.isOver(labels.container_id || labels.systemd_unit || '')) continue;
      over.add(kept);
      this.#held.delete(key);
    }
    if (over.size > 0) this.#memory.drop(this.#metric, over);
    return [...this.#held.values()].map(({ labels, kept }) => {
      const { before, now } = partsOf(kept);
      return { labels, numbers: Array.from(now, (number, index) => number + (before[index] ?? 0)) };
    });
  }

  #raise({ labels, numbers, run }: RunNumbers): void {
    const key = this.#keyOf(labels);
    const width = RUN_NUMBERS + 2 * numbers.length;
    let held = this.#held.get(key);
    if (!held) {
      const values = this.#names.map((name) => labels[name] ?? '');
      const kept = this.#memory.add(this.#metric, values, width);
      // Without room there it does not outlive the worker.
      held = { labels, kept: kept ?? { values: new Float64Array(width) } };
      this.#held.set(key, held);
    }
    held.labels = labels;
    const { values } = held.kept;
    const shown = BigInt(values[0] ?? 0) * HALF + BigInt(values[1] ?? 0);
    // What an earlier run has left in the map was added when a later one was met.
    if (run < shown) return;
    const { before, now } = partsOf(held.kept);
    if (run > shown) {
      for (const [index, number] of now.entries()) before[index] = (before[index] ?? 0) + number;
      now.fill(0);
      values[0] = Number(run / HALF);
      values[1] = Number(run % HALF);
    }
    for (const [index, number] of numbers.entries()) now[index] = Math.max(now[index] ?? 0, number);
  }

  /** A container may be described anew: its other labels are not what it is. */
  #keyOf(labels: Readonly<Record<string, string>>): string {
    const own = this.#names.filter((name) => name === 'container_id' || !name.startsWith('container_'));
    return JSON.stringify(own.map((name) => labels[name] ?? ''));
  }
}

/** Views: what is written there is kept. */
function partsOf({ values }: KeptValues): { readonly before: Float64Array; readonly now: Float64Array } {
  const count = (values.length - RUN_NUMBERS) / 2;
  return {
    before: values.subarray(RUN_NUMBERS, RUN_NUMBERS + count),
    now: values.subarray(RUN_NUMBERS + count),
  };
}
