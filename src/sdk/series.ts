/**
 * The series of one metric, by label values, within a budget that all metrics of a collector share.
 *
 * Label values come from the kernel and from containers, so they may hold any text. They are kept as well-formed
 * Unicode: two different broken strings would otherwise become the same series on the page.
 */
import { invalidMetric } from './instrument-names.ts';
import type { KeptValues } from './kept-series.ts';
import { nameLabels, namePart } from './name-labels.ts';

/** UTF-16 units of a label value that are kept. */
export const MAX_LABEL_VALUE = 256;

/** Bound and loss counters of one collector. */
export interface SeriesBudget {
  readonly max: number;
  used: number;
  /** Updates that were dropped because they named a new series past `max`. */
  refused: number;
  /** Label values that were cut to `MAX_LABEL_VALUE`. */
  truncated: number;
}

export interface Series<State> {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: State;
  /** Where its values are kept over restarts; undefined until something was counted. */
  kept?: KeptValues | undefined;
}

export class SeriesTable<State> {
  readonly #metric: string;
  readonly #names: readonly string[];
  readonly #inName: ReadonlySet<string>;
  readonly #budget: SeriesBudget;
  readonly #create: () => State;
  readonly #series = new Map<string, Series<State>>();

  constructor(metric: string, names: readonly string[], budget: SeriesBudget, create: () => State) {
    this.#metric = metric;
    this.#names = names;
    this.#inName = new Set(nameLabels(metric));
    this.#budget = budget;
    this.#create = create;
  }

  /**
   * The series with these labels, made when it is new.
   * @returns undefined when the budget is used up; the refusal is counted
   * @throws COLLECTOR_INVALID when a label is missing or not a string
   */
  at(labels: Readonly<Record<string, string>> = {}): Series<State> | undefined {
    const values = this.#names.map((name) => {
      const value = this.#value(name, labels[name]);
      return this.#inName.has(name) ? namePart(value) : value;
    });
    // A value may hold any separator, so only a quoting encoding keeps two sets of values apart.
    const key = values.length === 1 ? (values[0] as string) : JSON.stringify(values);
    const known = this.#series.get(key);
    if (known) return known;
    if (this.#budget.used >= this.#budget.max) {
      this.#budget.refused++;
      return undefined;
    }
    this.#budget.used++;
    const named = Object.fromEntries(this.#names.map((name, i) => [name, values[i] as string]));
    const series: Series<State> = { labels: named, state: this.#create() };
    this.#series.set(key, series);
    return series;
  }

  /** Takes out those whose labels say so. @returns them */
  remove(isMeant: (labels: Readonly<Record<string, string>>) => boolean): Series<State>[] {
    const removed: Series<State>[] = [];
    for (const [key, series] of this.#series) {
      if (!isMeant(series.labels)) continue;
      this.#series.delete(key);
      removed.push(series);
    }
    this.#budget.used -= removed.length;
    return removed;
  }

  clear(): void {
    this.#budget.used -= this.#series.size;
    this.#series.clear();
  }

  entries(): Iterable<Series<State>> {
    return this.#series.values();
  }

  #value(name: string, value: unknown): string {
    if (typeof value !== 'string')
      throw invalidMetric(
        this.#metric,
        `a string for label ${name}`,
        typeof value,
        'pass every declared label',
      );
    if (value.length <= MAX_LABEL_VALUE) return value.toWellFormed();
    this.#budget.truncated++;
    return value.slice(0, MAX_LABEL_VALUE).toWellFormed();
  }
}
