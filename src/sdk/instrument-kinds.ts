/** Counters, gauges and histograms: what `add`, `set` and `observe` do, and what a page gets of it. */
import { invalidMetric } from './instrument-names.ts';
import type { Keeper } from './keeper.ts';
import type { Counter, Histogram, InstrumentSpec } from './metrics.ts';
import { type SeriesBudget, type SeriesGroup, SeriesTable } from './series.ts';

type AnyLabels = [labels?: Readonly<Record<string, string>>];

interface Clearable {
  clear(): void;
}

/** Of one metric; the same array while it has the same series. */
export type Groups = readonly SeriesGroup<unknown>[];

/** The instrument of one metric, and what a page needs of it. */
export interface Part {
  readonly instrument: object;
  forget(isOver: (workloadId: string) => boolean): void;
  restart(): void;
  groups(): Groups;
  valueCount(): number;
  /** Writes the values in the order of the groups. @returns where the next metric's begin */
  write(values: Float64Array, at: number): number;
}

export function createPart(
  name: string,
  spec: InstrumentSpec,
  budget: SeriesBudget,
  keeper: Keeper | undefined,
): Part {
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
  isOver: (workloadId: string) => boolean,
): void {
  const removed = series.remove(({ container_id, systemd_unit }) => {
    const id = container_id ?? systemd_unit;
    return id !== undefined && isOver(id);
  });
  if (removed.length > 0) keeper?.drop(removed);
}

function countSeries(groups: Groups): number {
  return groups.reduce((sum, { series }) => sum + series.length, 0);
}

function nonNegative(name: string, value: number): number {
  if (value >= 0 && value !== Infinity) return value;
  throw invalidMetric(name, 'a finite number >= 0', `${value}`, 'a counter only rises; use a gauge for this');
}

function notNaN(name: string, value: number): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw invalidMetric(name, 'a number', `${value}`, 'leave the sample out when its value is unknown');
}
