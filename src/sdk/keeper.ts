import type { KeptSeries } from './kept-series.ts';
import type { InstrumentSpec } from './metrics.ts';
import type { Series, SeriesTable } from './series.ts';

/** What one metric has in memory that outlives the worker. */
export class Keeper {
  readonly #metric: string;
  readonly #spec: InstrumentSpec;
  readonly #kept: KeptSeries;

  constructor(metric: string, spec: InstrumentSpec, kept: KeptSeries) {
    this.#metric = metric;
    this.#spec = spec;
    this.#kept = kept;
  }

  /** Series of an earlier worker are there again. */
  restore<State>(table: SeriesTable<State>, use: (state: State, values: Float64Array) => void): void {
    const names = this.#spec.labels;
    for (const record of this.#kept.of(this.#metric)) {
      const series = table.at(Object.fromEntries(names.map((name, i) => [name, record.labels[i] ?? ''])));
      if (!series) continue;
      series.kept = record;
      use(series.state, record.values);
    }
  }

  /** Writes what a series has counted. */
  write<State>(series: Series<State>, values: readonly number[]): void {
    series.kept ??= this.#kept.add(this.#metric, this.#labelsOf(series), values.length);
    series.kept?.values.set(values);
  }

  /** In the order of the declaration. */
  #labelsOf<State>({ labels }: Series<State>): string[] {
    return this.#spec.labels.map((name) => labels[name] ?? '');
  }

  /** Forgets all of them, or those of some series. */
  drop<State>(series?: readonly Series<State>[]): void {
    const which = series && new Set(series.flatMap(({ kept }) => kept ?? []));
    this.#kept.drop(this.#metric, which);
  }
}
