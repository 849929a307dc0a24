/** Instruments: the live side of the metrics a collector declares. */
import { threadId } from 'node:worker_threads';
import { invalidMetric, metricName } from './instrument-names.ts';
import { Keeper } from './keeper.ts';
import type { KeptSeries } from './kept-series.ts';
import { labelText } from './label-text.ts';
import {
  type Counter,
  DEFAULT_MAX_SERIES,
  type FamilyText,
  type Histogram,
  type InstrumentSpec,
  type Instruments,
  type MetricsAnswer,
} from './metrics.ts';
import { MAX_LABEL_VALUE, type SeriesBudget, type SeriesGroup, SeriesTable } from './series.ts';

/** What the bounds on series have cost since the start. */
export interface SeriesLosses {
  readonly refusedSeries: number;
  readonly truncatedLabels: number;
}

export interface InstrumentsOptions {
  /** Series over all metrics of the collector; default `DEFAULT_MAX_SERIES`. */
  readonly maxSeries?: number;
  /** Where `add` and `observe` count, for a caller that has an earlier one's memory. */
  readonly kept?: KeptSeries;
}

export interface InstrumentSet<Specs extends Readonly<Record<string, InstrumentSpec>>> extends SeriesLosses {
  readonly instruments: Instruments<Specs>;
  /**
   * Drops the series of containers that are over, whatever has counted them (src/sdk/gone-containers.ts).
   * @param isOver asked for the id of each container that has series
   */
  forget(isOver: (containerId: string) => boolean): void;
  /**
   * Is as if it had just been made, for a caller that cannot tell what was counted before; text that is used again is there still.
   * @param losses to go on from
   */
  restart(losses: SeriesLosses): void;
  /**
   * Every family that has series, and the collector's two loss counters. Plain data, owned by the caller.
   * @param known token of the answer whose text the caller has
   */
  collect(known?: string): MetricsAnswer;
}

/** Answers of this thread. */
let answers = 0;

/**
 * Makes the instruments of one collector.
 * @throws COLLECTOR_INVALID when a name, label, bucket or help text is not usable
 */
export function createInstruments<const Specs extends Readonly<Record<string, InstrumentSpec>>>(
  collector: string,
  specs: Specs,
  options: InstrumentsOptions = {},
): InstrumentSet<Specs> {
  const budget: SeriesBudget = {
    max: options.maxSeries ?? DEFAULT_MAX_SERIES,
    used: 0,
    refused: 0,
    truncated: 0,
  };
  const made = Object.entries(specs).map(([key, spec]) => {
    const name = metricName(collector, key, spec);
    const keeper = options.kept && new Keeper(key, spec, options.kept);
    return { key, spec, part: part(name, spec, budget, keeper) };
  });
  const losses = lossFamilies(collector);
  let last: { readonly token: string; readonly groups: readonly Groups[] } | undefined;
  return {
    instruments: Object.fromEntries(
      made.map(({ key, part }) => [key, part.instrument]),
    ) as Instruments<Specs>,
    forget(isOver) {
      for (const { spec, part } of made) if (spec.labels.includes('container_id')) part.forget(isOver);
    },
    restart({ refusedSeries, truncatedLabels }) {
      for (const { part } of made) part.restart();
      budget.refused = refusedSeries;
      budget.truncated = truncatedLabels;
    },
    collect(known) {
      const groups = made.map(({ part }) => part.groups());
      const isSame = last && last.token === known && groups.every((group, i) => group === last?.groups[i]);
      const token = `${threadId}.${++answers}`;
      last = { token, groups };
      const values = new Float64Array(made.reduce((sum, { part }) => sum + part.valueCount(), losses.length));
      let at = 0;
      for (const { part } of made) at = part.write(values, at);
      values.set([budget.refused, budget.truncated], at);
      if (isSame) return { token, values };
      const families = made.flatMap(({ spec, part }) =>
        part.groups().map(({ name, help, text }): FamilyText => {
          const bounds = spec.type === 'histogram' && spec.buckets?.map(String);
          return { name, help, type: spec.type, ...(bounds && { bounds }), series: text };
        }),
      );
      return { token, families: [...families, ...losses], values };
    },
    get refusedSeries() {
      return budget.refused;
    },
    get truncatedLabels() {
      return budget.truncated;
    },
  };
}

type AnyLabels = [labels?: Readonly<Record<string, string>>];

interface Clearable {
  clear(): void;
}

/** Of one metric; the same array while it has the same series. */
type Groups = readonly SeriesGroup<unknown>[];

interface Part {
  readonly instrument: object;
  forget(isOver: (containerId: string) => boolean): void;
  restart(): void;
  groups(): Groups;
  valueCount(): number;
  /** Writes the values in the order of the groups. @returns where the next metric's begin */
  write(values: Float64Array, at: number): number;
}

function part(name: string, spec: InstrumentSpec, budget: SeriesBudget, keeper: Keeper | undefined): Part {
  const make = spec.type === 'histogram' ? histogramPart : scalarPart;
  return make(name, spec, budget, keeper);
}

/** Counter and gauge: a gauge has no `add` in its type, and takes negative values. */
function scalarPart(name: string, spec: InstrumentSpec, budget: SeriesBudget, keeper?: Keeper): Part {
  const series = new SeriesTable(name, spec, budget, () => ({ value: 0 }));
  const counts = spec.type === 'counter';
  // A counter without labels shows 0 before its first event: rate() needs a first value to rise from.
  const begin = (): void => void (counts && spec.labels.length === 0 && series.at());
  begin();
  keeper?.restore(series, (state, values) => {
    state.value = values[0] ?? 0;
  });
  const checked = (value: number): number => (counts ? nonNegative(name, value) : notNaN(name, value));
  return {
    instrument: {
      add(value: number, ...[labels]: AnyLabels): void {
        const amount = checked(value);
        const one = series.at(labels);
        if (!one) return;
        one.state.value += amount;
        keeper?.write(one, [one.state.value]);
      },
      set(value: number, ...[labels]: AnyLabels): void {
        const amount = checked(value);
        const one = series.at(labels);
        if (!one) return;
        one.state.value = amount;
        if (one.kept) keeper?.write(one, [amount]);
      },
      entries: () => Array.from(series.entries(), ({ labels, state: { value } }) => ({ labels, value })),
      clear() {
        series.clear();
        keeper?.drop();
      },
    } satisfies Counter<AnyLabels> & Clearable,
    forget: (isOver) => forget(series, keeper, isOver),
    restart() {
      series.clear();
      begin();
    },
    groups: () => series.groups(),
    valueCount: () => countSeries(series.groups()),
    write(values, start) {
      let at = start;
      for (const group of series.groups()) for (const { state } of group.series) values[at++] = state.value;
      return at;
    },
  };
}

function histogramPart(name: string, spec: InstrumentSpec, budget: SeriesBudget, keeper?: Keeper): Part {
  const bounds = spec.buckets ?? [];
  const edges = [...bounds.map(String), '+Inf'];
  const series = new SeriesTable(name, spec, budget, () => ({ counts: edges.map(() => 0), sum: 0 }));
  keeper?.restore(series, (state, values) => {
    state.counts = [...values.subarray(0, edges.length)];
    state.sum = values[edges.length] ?? 0;
  });
  return {
    instrument: {
      observe(value: number, ...[labels]: AnyLabels): void {
        notNaN(name, value);
        const one = series.at(labels);
        if (!one) return;
        const { state } = one;
        const above = bounds.findIndex((bound) => value <= bound);
        const bucket = above === -1 ? bounds.length : above;
        state.counts[bucket] = (state.counts[bucket] ?? 0) + 1;
        state.sum += value;
        keeper?.write(one, [...state.counts, state.sum]);
      },
      set(counts: readonly number[], sum: number, ...[labels]: AnyLabels): void {
        if (counts.length !== edges.length)
          throw invalidMetric(
            name,
            `${edges.length} bucket counts`,
            `${counts.length}`,
            'pass one count for each bucket and one for +Inf',
          );
        for (const count of counts) nonNegative(name, count);
        notNaN(name, sum);
        const one = series.at(labels);
        if (!one) return;
        one.state.counts = [...counts];
        one.state.sum = sum;
        if (one.kept) keeper?.write(one, [...counts, sum]);
      },
      clear() {
        series.clear();
        keeper?.drop();
      },
    } satisfies Histogram<AnyLabels> & Clearable,
    forget: (isOver) => forget(series, keeper, isOver),
    restart: () => series.clear(),
    groups: () => series.groups(),
    valueCount: () => countSeries(series.groups()) * (edges.length + 1),
    write(values, start) {
      let at = start;
      for (const group of series.groups())
        for (const { state } of group.series) {
          // Prometheus wants cumulative buckets.
          let total = 0;
          for (const count of state.counts) values[at++] = total += count;
          values[at++] = state.sum;
        }
      return at;
    },
  };
}

function forget<State>(
  series: SeriesTable<State>,
  keeper: Keeper | undefined,
  isOver: (containerId: string) => boolean,
): void {
  const removed = series.remove(({ container_id: id }) => id !== undefined && isOver(id));
  if (removed.length > 0) keeper?.drop(removed);
}

function countSeries(groups: Groups): number {
  return groups.reduce((sum, { series }) => sum + series.length, 0);
}

function lossFamilies(collector: string): readonly FamilyText[] {
  const family = (name: string, help: string): FamilyText => {
    return { name, help, type: 'counter', series: labelText({ collector }) };
  };
  return [
    family(
      'huatuo_collector_refused_series_total',
      'Updates of metrics dropped because the collector has reached its limit of series.',
    ),
    family(
      'huatuo_collector_truncated_labels_total',
      `Label values cut to their first ${MAX_LABEL_VALUE} characters.`,
    ),
  ];
}

function nonNegative(name: string, value: number): number {
  if (value >= 0 && value !== Infinity) return value;
  throw invalidMetric(name, 'a finite number >= 0', `${value}`, 'a counter only rises; use a gauge for this');
}

function notNaN(name: string, value: number): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw invalidMetric(name, 'a number', `${value}`, 'leave the sample out when its value is unknown');
}
