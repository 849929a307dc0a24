/**
 * The series of one metric, by label values, within a budget that all metrics of a collector share.
 *
 * Label values come from the kernel and from containers, so they may hold any text. They are kept as well-formed
 * Unicode: two different broken strings would otherwise become the same series on the page.
 *
 * Most collectors set the same series at each scrape, many after they have cleared them. A series that was cleared stays until the
 * next page is made, and is taken up again when it is set until then: text is made when there are other series than before,
 * and only then it has to be sent.
 */
import { invalidMetric } from './instrument-names.ts';
import type { KeptValues } from './kept-series.ts';
import { labelText } from './label-text.ts';
import type { InstrumentSpec } from './metrics.ts';
import { fillIn, nameLabels, namePart } from './name-labels.ts';

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
  /** [0] rises with whatever may change the metrics. */
  readonly changes?: Int32Array<SharedArrayBuffer> | undefined;
}

function noteChange({ changes }: SeriesBudget): void {
  if (changes) Atomics.add(changes, 0, 1);
}

export interface Series<State> {
  readonly labels: Readonly<Record<string, string>>;
  state: State;
  /** Where its values are kept over restarts; undefined until something was counted. */
  kept?: KeptValues | undefined;
}

/** Series of one name: a metric has one group, unless a label is a part of its name. */
export interface SeriesGroup<State> {
  readonly name: string;
  readonly help: string;
  readonly series: readonly Series<State>[];
  /** Their labels as they stand on the page, one in a line. */
  readonly text: string;
}

interface Entry<State> extends Series<State> {
  /** In which it was set last. */
  round: number;
}

export class SeriesTable<State> {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #inName: ReadonlySet<string>;
  readonly #budget: SeriesBudget;
  readonly #create: () => State;
  readonly #series = new Map<string, Entry<State>>();
  /** Begins anew with each `clear`: what is of an earlier one is not there. */
  #round = 0;
  #present = 0;
  #groups: readonly SeriesGroup<State>[] | undefined;

  /** @param name as it is on the page, with `{label}` for labels that are a part of it */
  constructor(name: string, spec: InstrumentSpec, budget: SeriesBudget, create: () => State) {
    this.#name = name;
    this.#help = spec.help;
    this.#labels = spec.labels;
    this.#inName = new Set(nameLabels(name));
    this.#budget = budget;
    this.#create = create;
  }

  /**
   * The series with these labels, made when it is new.
   * @returns undefined when the budget is used up; the refusal is counted
   * @throws COLLECTOR_INVALID when a label is missing or not a string
   */
  at(labels: Readonly<Record<string, string>> = {}): Series<State> | undefined {
    noteChange(this.#budget);
    const values: string[] = [];
    let key = '';
    for (const name of this.#labels) {
      const value = this.#value(name, labels[name]);
      values.push(value);
      // A value may hold any separator: only its length says where it ends.
      key += `${value.length}:${value}`;
    }
    const known = this.#series.get(key);
    if (known?.round === this.#round) return known;
    if (this.#budget.used >= this.#budget.max) {
      this.#budget.refused++;
      return undefined;
    }
    this.#budget.used++;
    this.#present++;
    const series = known ?? this.#add(key, values);
    series.round = this.#round;
    series.state = this.#create();
    series.kept = undefined;
    return series;
  }

  /** Takes out those whose labels say so. @returns them */
  remove(isMeant: (labels: Readonly<Record<string, string>>) => boolean): Series<State>[] {
    this.#sweep();
    const removed: Series<State>[] = [];
    for (const [key, series] of this.#series) {
      if (!isMeant(series.labels)) continue;
      noteChange(this.#budget);
      this.#series.delete(key);
      this.#groups = undefined;
      removed.push(series);
    }
    this.#present -= removed.length;
    this.#budget.used -= removed.length;
    return removed;
  }

  clear(): void {
    noteChange(this.#budget);
    this.#budget.used -= this.#present;
    this.#present = 0;
    this.#round++;
  }

  entries(): Iterable<Series<State>> {
    this.#sweep();
    return this.#series.values();
  }

  /** All series by name; the same array for as long as there are the same ones. */
  groups(): readonly SeriesGroup<State>[] {
    this.#sweep();
    this.#groups ??= this.#group();
    return this.#groups;
  }

  #add(key: string, values: readonly string[]): Entry<State> {
    const labels = Object.fromEntries(this.#labels.map((name, i) => [name, values[i] as string]));
    const series = { labels, state: this.#create(), round: this.#round };
    this.#series.set(key, series);
    this.#groups = undefined;
    return series;
  }

  #sweep(): void {
    if (this.#present === this.#series.size) return;
    for (const [key, { round }] of this.#series) if (round !== this.#round) this.#series.delete(key);
    this.#groups = undefined;
  }

  #group(): SeriesGroup<State>[] {
    const named =
      this.#inName.size === 0
        ? new Map(this.#series.size === 0 ? [] : [[this.#name, [...this.#series.values()]]])
        : Map.groupBy(this.#series.values(), ({ labels }) => fillIn(this.#name, labels));
    return Array.from(named, ([name, series]) => ({
      name,
      help: fillIn(this.#help, series[0]?.labels ?? {}),
      series,
      text: series.map(({ labels }) => labelText(this.#withoutName(labels))).join('\n'),
    }));
  }

  #withoutName(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    if (this.#inName.size === 0) return labels;
    return Object.fromEntries(Object.entries(labels).filter(([name]) => !this.#inName.has(name)));
  }

  #value(name: string, value: unknown): string {
    if (typeof value !== 'string')
      throw invalidMetric(
        this.#name,
        `a string for label ${name}`,
        typeof value,
        'pass every declared label',
      );
    let text = value;
    if (value.length > MAX_LABEL_VALUE) {
      this.#budget.truncated++;
      text = value.slice(0, MAX_LABEL_VALUE);
    }
    return this.#inName.has(name) ? namePart(text) : text.toWellFormed();
  }
}
