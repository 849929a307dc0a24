/**
 * Metrics as a collector declares them: data, typed by their labels.
 *
 *   metrics: { latency: histogram({ help: 'Time to run.', labels: ['cpu'], buckets: [0.001, 0.01] }) }
 *   ctx.metrics.latency.observe(0.004, { cpu: '3' });
 *
 * The instruments behind the declaration are made by `createInstruments` in `instruments.ts`.
 */

/** Label sets over all metrics of a collector, unless it says otherwise. */
export const DEFAULT_MAX_SERIES = 10_000;

/** A metric as data. */
export interface InstrumentSpec {
  readonly type: MetricType;
  /** One sentence with the unit; shown by Prometheus. */
  readonly help: string;
  readonly labels: readonly string[];
  /** Full exposition name; default `huatuo_bamai_<collector>_<key>`. A label of it may be a part of the name: `name-labels.ts`. */
  readonly name?: string;
  /** histogram only: upper bounds, ascending, without +Inf. */
  readonly buckets?: readonly number[];
}

/** A spec that remembers its kind and its label names in its type. */
export interface TypedSpec<Type extends MetricType, Names extends readonly string[]> extends InstrumentSpec {
  readonly type: Type;
  readonly labels: Names;
}

/** What every kind takes. */
export interface SpecOptions {
  readonly help: string;
  readonly name?: string;
}

export interface Labelled<Names extends readonly string[] = readonly string[]> {
  readonly labels: Names;
}

export interface Bucketed {
  readonly buckets: readonly number[];
}

/** Label values of one series, by label name. */
export type Labels<Spec extends InstrumentSpec> = Readonly<Record<Spec['labels'][number], string>>;

/** The trailing `labels` argument of an instrument: may be left out when the metric has none. */
export type LabelArguments<Spec extends InstrumentSpec> = Spec['labels'] extends readonly []
  ? [labels?: Readonly<Record<string, never>>]
  : [labels: Labels<Spec>];

export interface Counter<Args extends readonly unknown[]> {
  /** @throws COLLECTOR_INVALID for a negative value or NaN */
  add(value: number, ...labels: Args): void;
  /** Replaces the series by a total that is kept elsewhere, e.g. by the kernel. */
  set(value: number, ...labels: Args): void;
  /** What it has counted. */
  entries(): readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

export interface Gauge<Args extends readonly unknown[]> {
  set(value: number, ...labels: Args): void;
}

export interface Histogram<Args extends readonly unknown[]> {
  observe(value: number, ...labels: Args): void;
  /**
   * Replaces the series by counts the kernel keeps.
   * @param counts observations of each bucket alone (not cumulative), and at the end those above the last bound
   * @param sum of all observed values, in the metric's unit
   */
  set(counts: readonly number[], sum: number, ...labels: Args): void;
}

export type Instrument<Spec extends InstrumentSpec> = Spec['type'] extends 'counter'
  ? Counter<LabelArguments<Spec>>
  : Spec['type'] extends 'gauge'
    ? Gauge<LabelArguments<Spec>>
    : Histogram<LabelArguments<Spec>>;

export type Instruments<Specs extends Readonly<Record<string, InstrumentSpec>>> = {
  readonly [K in keyof Specs]: Instrument<Specs[K]> & {
    /** Drops every series: the way to forget containers that are gone. */
    clear(): void;
  };
};

/** Declares a value that only rises. */
export function counter(options: SpecOptions): TypedSpec<'counter', readonly []>;
export function counter<const Names extends readonly string[]>(
  options: SpecOptions & Labelled<Names>,
): TypedSpec<'counter', Names>;
export function counter(options: SpecOptions & Partial<Labelled>): InstrumentSpec {
  return { labels: [], ...options, type: 'counter' };
}

/** Declares a value that rises and falls. */
export function gauge(options: SpecOptions): TypedSpec<'gauge', readonly []>;
export function gauge<const Names extends readonly string[]>(
  options: SpecOptions & Labelled<Names>,
): TypedSpec<'gauge', Names>;
export function gauge(options: SpecOptions & Partial<Labelled>): InstrumentSpec {
  return { labels: [], ...options, type: 'gauge' };
}

/** Declares a distribution over fixed buckets, in base units. */
export function histogram(options: SpecOptions & Bucketed): TypedSpec<'histogram', readonly []>;
export function histogram<const Names extends readonly string[]>(
  options: SpecOptions & Bucketed & Labelled<Names>,
): TypedSpec<'histogram', Names>;
export function histogram(options: SpecOptions & Bucketed & Partial<Labelled>): InstrumentSpec {
  return { labels: [], ...options, type: 'histogram' };
}

/** The labels of every metric of a container, in the order of `containerLabels`; the first five are those of existing HuaTuo dashboards. */
export const CONTAINER_LABELS: readonly [
  'container_host',
  'container_name',
  'container_type',
  'container_level',
  'container_hostnamespace',
  'container_id',
] = [
  'container_host',
  'container_name',
  'container_type',
  'container_level',
  'container_hostnamespace',
  'container_id',
];

/**
 * The labels of a metric of whatever is accounted in cgroups. It is two families: that of containers, with their labels and
 * the name and help that are declared, and that of units, with `systemd_unit` instead, and with `unit` for `container` in
 * name and help (src/sdk/workload-part.ts).
 */
export const WORKLOAD_LABELS: readonly [...typeof CONTAINER_LABELS, 'systemd_unit'] = [
  ...CONTAINER_LABELS,
  'systemd_unit',
];

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** The constant part of a metric family: `name` is the full exposition name. */
export interface FamilyText {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Histograms only: upper bounds as text, ascending, without +Inf. */
  readonly bounds?: readonly string[];
  /** The labels of each series as they stand on the page, escaped, one series a line: `cpu="0",mode="user"`. */
  readonly series: string;
}

/**
 * What a collector answers to a scrape. Text crosses threads when it is new, numbers always: `values` has one for each series, in
 * the order of the families and their lines; for a series of a histogram the cumulative count of each bucket, +Inf included, and the
 * sum. NaN is a sample that is not there.
 */
export interface MetricsAnswer {
  /** Says which text the values belong to; another one in each answer of any thread. */
  readonly token: string;
  /** Undefined: those of the answer whose token the request has named. */
  readonly families?: readonly FamilyText[];
  readonly values: Float64Array;
}

export type MetricSpecs = Readonly<Record<string, InstrumentSpec>>;
