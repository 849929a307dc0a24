/**
 * What the page has shown of the containers' counts that BPF maps hold: no counter falls, and none goes before it was seen.
 *
 *   sums of this scrape ──┐
 *                         ├─ the larger of both ──► page, and what was shown last
 *   what was shown last ──┘
 *
 * A map's entry goes with its cgroup, or was not readable this time; what was shown stands until the sum is above it, and
 * of a container that has ended until it is over (src/sdk/gone-containers.ts). It outlives the worker in the memory of its
 * series.
 */
import type { GoneContainers } from '../sdk/gone-containers.ts';
import { KeptSeries, type KeptValues, type SeriesMemory } from '../sdk/kept-series.ts';

/** No metric has a blank in its name. */
const SHOWN = ' shown';

export interface LabelledNumbers {
  readonly labels: Readonly<Record<string, string>>;
  readonly numbers: readonly number[];
}

interface Held {
  labels: Readonly<Record<string, string>>;
  readonly kept: KeptValues;
}

/** Forgets what was shown of all maps: their object is gone, and the next one counts from 0. */
export function forgetShown(memory: SeriesMemory): void {
  const kept = new KeptSeries(memory);
  for (const metric of kept.metrics) if (metric.endsWith(SHOWN)) kept.drop(metric);
}

export class HeldCounts {
  readonly #metric: string;
  readonly #names: readonly string[];
  readonly #memory: KeptSeries;
  readonly #held = new Map<string, Held>();

  /**
   * Takes over what an earlier worker has shown.
   * @param metric its full name
   * @param names of its labels; `container_id` is one of them
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

  /** @param sums of one scrape, of all containers that have any; each has the same count of numbers */
  show(sums: Iterable<LabelledNumbers>, gone: GoneContainers): LabelledNumbers[] {
    for (const { labels, numbers } of sums) this.#raise(labels, numbers);
    const over = new Set<KeptValues>();
    for (const [key, { labels, kept }] of this.#held) {
      if (!gone.isOver(labels.container_id ?? '')) continue;
      over.add(kept);
      this.#held.delete(key);
    }
    if (over.size > 0) this.#memory.drop(this.#metric, over);
    return [...this.#held.values()].map(({ labels, kept }) => ({ labels, numbers: [...kept.values] }));
  }

  #raise(labels: Readonly<Record<string, string>>, numbers: readonly number[]): void {
    const key = this.#keyOf(labels);
    let held = this.#held.get(key);
    if (!held) {
      const values = this.#names.map((name) => labels[name] ?? '');
      const kept = this.#memory.add(this.#metric, values, numbers.length);
      // Without room there it does not outlive the worker.
      held = { labels, kept: kept ?? { values: new Float64Array(numbers.length) } };
      this.#held.set(key, held);
    }
    held.labels = labels;
    const { values } = held.kept;
    for (const [index, number] of numbers.entries()) values[index] = Math.max(values[index] ?? 0, number);
  }

  /** A container may be described anew: its other labels are not what it is. */
  #keyOf(labels: Readonly<Record<string, string>>): string {
    const own = this.#names.filter((name) => name === 'container_id' || !name.startsWith('container_'));
    return JSON.stringify(own.map((name) => labels[name] ?? ''));
  }
}
