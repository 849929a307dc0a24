/** Instruments: the live side of the metrics a collector declares. */
import { invalidMetric, metricName } from './instrument-names.ts';
import { Keeper } from './keeper.ts';
import type { KeptSeries } from './kept-series.ts';
import {
  type Counter,
  DEFAULT_MAX_SERIES,
  type Histogram,
  type InstrumentSpec,
  type Instruments,
  type MetricFamily,
  type Sample,
} from './metrics.ts';
import { familiesByName } from './name-labels.ts';
import { MAX_LABEL_VALUE, type SeriesBudget, SeriesTable } from './series.ts';

/** What the bounds on series have cost since the start. */
export interface SeriesLosses {
  readonly refusedSeries: number;
  readonly truncatedLabels: number;
}

export interface InstrumentsOptions {
  /** Series over all metrics of the collector; default `DEFAULT_MAX_SERIES`. */
  readonly maxSeries?: number;
  /** Counts to go on from, for a caller that makes instruments anew for each scrape. */
  readonly losses?: SeriesLosses;
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
  /** Every family that has series, and the collector's two loss counters. Plain data, owned by the caller. */
  collect(): MetricFamily[];
}

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
    refused: options.losses?.refusedSeries ?? 0,
    truncated: options.losses?.truncatedLabels ?? 0,
  };
  const made = Object.entries(specs).map(([key, spec]) => {
    const name = metricName(collector, key, spec);
    const keeper = options.kept && new Keeper(key, spec, options.kept);
    return { key, name, spec, part: part(name, spec, budget, keeper) };
  });
  return {
    instruments: Object.fromEntries(
      made.map(({ key, part }) => [key, part.instrument]),
    ) as Instruments<Specs>,
    forget(isOver) {
      for (const { spec, part } of made) if (spec.labels.includes('container_id')) part.forget(isOver);
    },
    collect: () => [
      ...made.flatMap(({ name, spec, part }) => familiesByName(name, spec, part.samples())),
      ...lossFamilies(collector, budget),
    ],
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

interface Part {
  readonly instrument: object;
  forget(isOver: (containerId: string) => boolean): void;
  samples(): Sample[];
}

function part(name: string, spec: InstrumentSpec, budget: SeriesBudget, keeper: Keeper | undefined): Part {
  const make = spec.type === 'histogram' ? histogramPart : scalarPart;
  return make(name, spec, budget, keeper);
}

/** Counter and gauge: a gauge has no `add` in its type, and takes negative values. */
function scalarPart(name: string, spec: InstrumentSpec, budget: SeriesBudget, keeper?: Keeper): Part {
  const series = new SeriesTable(name, spec.labels, budget, () => ({ value: 0 }));
  const counts = spec.type === 'counter';
  // A counter without labels shows 0 before its first event: rate() needs a first value to rise from.
  if (counts && spec.labels.length === 0) series.at();
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
    samples: () => Array.from(series.entries(), ({ labels, state }) => ({ labels, value: state.value })),
  };
}

function histogramPart(name: string, spec: InstrumentSpec, budget: SeriesBudget, keeper?: Keeper): Part {
  const bounds = spec.buckets ?? [];
  const edges = [...bounds.map(String), '+Inf'];
  const series = new SeriesTable(name, spec.labels, budget, () => ({ counts: edges.map(() => 0), sum: 0 }));
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
    samples: () => Array.from(series.entries(), ({ labels, state }) => buckets(labels, state, edges)).flat(),
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

/** Prometheus wants cumulative buckets, `_sum` and `_count`. */
function buckets(
  labels: Readonly<Record<string, string>>,
  state: { readonly counts: readonly number[]; readonly sum: number },
  edges: readonly string[],
): Sample[] {
  let total = 0;
  const samples: Sample[] = edges.map((le, i) => {
    total += state.counts[i] ?? 0;
    return { suffix: '_bucket', labels: { ...labels, le }, value: total };
  });
  samples.push({ suffix: '_sum', labels, value: state.sum }, { suffix: '_count', labels, value: total });
  return samples;
}

function lossFamilies(collector: string, budget: SeriesBudget): MetricFamily[] {
  const family = (name: string, help: string, value: number): MetricFamily => ({
    name,
    help,
    type: 'counter',
    samples: [{ labels: { collector }, value }],
  });
  return [
    family(
      'huatuo_collector_refused_series_total',
      'Updates of metrics dropped because the collector has reached its limit of series.',
      budget.refused,
    ),
    family(
      'huatuo_collector_truncated_labels_total',
      `Label values cut to their first ${MAX_LABEL_VALUE} characters.`,
      budget.truncated,
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
