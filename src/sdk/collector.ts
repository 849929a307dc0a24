/**
 * What a collector is made of. This file, `metrics.ts` and `context.ts` are the whole public API: the collectors in
 * `src/collectors` use nothing beside it.
 *
 * A collector is a file. Its basename is its name everywhere: config key, `--collector.NAME`, thread name, scrape
 * metric, journal directory. `bpf/NAME.bpf.c` alone is already an event collector; `src/collectors/<kind>/NAME.ts`
 * adds behaviour to it, or stands alone when the data comes from files.
 */
import type { ZodType } from 'zod';
import type { CollectorContext, SampleContext, UpdateContext } from './context.ts';
import type { MetricSpecs } from './metrics.ts';

export type CollectorKind = 'event' | 'autotracing' | 'metric';

/** A parsed document payload as `enrich` sees it: the fields of the event struct, by JSON name. */
export type EventData = Record<string, unknown>;

/** The parts every kind shares. `Options` is the collector's own section of the config file, after its schema. */
interface Shared<Options, Specs extends MetricSpecs> {
  /** One sentence: what an SRE learns from it. Shown by `huatuo list`, in the config file and in the docs. */
  readonly doc: string;
  /** Off unless asked for. Default true. */
  readonly enabledByDefault?: boolean;
  /** Config keys beside those that the BPF object declares with OPTION(). */
  readonly options?: ZodType<Options>;
  /** Metrics it may export, by short name; see `metrics.ts`. */
  readonly metrics?: Specs;
  /** Upper bound of label sets over all its metrics; more are counted and refused. Default 10,000. */
  readonly maxSeries?: number;
}

/** A tracing collector: lives in its own worker thread for as long as the agent runs. */
interface Tracing<Options, Specs extends MetricSpecs, Event extends object> extends Shared<Options, Specs> {
  /** Seconds until it is enabled again after `start` returned or failed. Default 10. */
  readonly interval?: number;
  /**
   * Runs until it returns, throws, or `ctx.signal` aborts. Without it the collector loads the BPF object of its
   * own name, attaches it and turns the events of its ring into documents.
   */
  start?(ctx: CollectorContext<Options, Specs>): Promise<void>;
  /**
   * Called with each event before it is written, for context that only user space knows (files, cgroups, symbols). May
   * change `event` in place or return another object. Costs a parse and a serialisation for each event.
   */
  enrich?(event: Event, ctx: CollectorContext<Options, Specs>): Event | Promise<Event> | void | Promise<void>;
  /** Called at scrape time in the collector's thread. */
  update?(ctx: CollectorContext<Options, Specs>): void | Promise<void>;
}

export interface EventCollector<
  Options = unknown,
  Specs extends MetricSpecs = MetricSpecs,
  Event extends object = EventData,
> extends Tracing<Options, Specs, Event> {
  readonly kind: 'event';
}

export interface AutotracingCollector<Options = unknown, Specs extends MetricSpecs = MetricSpecs>
  extends Tracing<Options, Specs, EventData> {
  readonly kind: 'autotracing';
}

/** A metric collector with a BPF object: a worker thread that keeps the object attached and answers scrapes. */
export interface BpfMetricCollector<Options = unknown, Specs extends MetricSpecs = MetricSpecs>
  extends Shared<Options, Specs> {
  readonly kind: 'metric';
  readonly source: 'bpf';
  update(ctx: CollectorContext<Options, Specs>): void | Promise<void>;
}

/**
 * A metric collector that reads files: runs as short tasks on the pool, which keeps nothing between two calls. What
 * must be compared over time is taken by `sample` on a clock of its own, so the result never depends on who scrapes
 * how often; the framework keeps the newest two samples and hands them to `update`.
 */
export interface FileMetricCollector<
  Options = unknown,
  Specs extends MetricSpecs = MetricSpecs,
  State = unknown,
> extends Shared<Options, Specs> {
  readonly kind: 'metric';
  readonly source: 'files';
  readonly sample?: {
    /** Seconds between two samples. */
    readonly every: number;
    /** Must return plain data (it crosses threads). */
    take(ctx: SampleContext<Options>): State | Promise<State>;
  };
  update(ctx: UpdateContext<Options, Specs, State>): void | Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: a heterogeneous list of collectors needs a bottom type for the hooks' parameters
type Loose = any;
export type Collector =
  | EventCollector<Loose, Loose, Loose>
  | AutotracingCollector<Loose, Loose>
  | BpfMetricCollector<Loose, Loose>
  | FileMetricCollector<Loose, Loose, Loose>;

/** Declares an event collector. `Event` is the generated type of its struct. */
export function defineEvent<
  Event extends object = EventData,
  Options = object,
  const Specs extends MetricSpecs = MetricSpecs,
>(collector: Omit<EventCollector<Options, Specs, Event>, 'kind'>): EventCollector<Options, Specs, Event> {
  return { ...collector, kind: 'event' };
}

/** Declares an autotracing collector: samples, and captures context when something is wrong. */
export function defineAutotracing<Options = object, const Specs extends MetricSpecs = MetricSpecs>(
  collector: Omit<AutotracingCollector<Options, Specs>, 'kind'>,
): AutotracingCollector<Options, Specs> {
  return { ...collector, kind: 'autotracing' };
}

/** Declares a metric collector over BPF maps. */
export function defineBpfMetric<Options = object, const Specs extends MetricSpecs = MetricSpecs>(
  collector: Omit<BpfMetricCollector<Options, Specs>, 'kind' | 'source'>,
): BpfMetricCollector<Options, Specs> {
  return { ...collector, kind: 'metric', source: 'bpf' };
}

/** Declares a metric collector over procfs, sysfs or cgroup files. */
export function defineMetric<
  State = undefined,
  Options = object,
  const Specs extends MetricSpecs = MetricSpecs,
>(
  collector: Omit<FileMetricCollector<Options, Specs, State>, 'kind' | 'source'>,
): FileMetricCollector<Options, Specs, State> {
  return { ...collector, kind: 'metric', source: 'files' };
}
