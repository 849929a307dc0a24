/**
 * What a collector is made of. This file, `metrics.ts` and `context.ts` are the whole public API: the collectors in
 * `src/collectors` use nothing beside it.
 *
 * A collector is a file. Its basename is its name everywhere: config key, `--collector.NAME`, thread name, scrape
 * metric, journal directory. `bpf/NAME.bpf.c` alone is already an event collector; `src/collectors/<kind>/NAME.ts`
 * adds behaviour to it, or stands alone when the data comes from files.
 */
import type { ZodType } from 'zod';
import type { AnyObject, ObjectBinding, ObjectTypes } from './binding.ts';
import type { CollectorContext, SampleContext, UpdateContext } from './context.ts';
import type { MetricSpecs } from './metrics.ts';

export type CollectorKind = 'event' | 'autotracing' | 'metric';

/** A parsed document payload as `enrich` sees it: the fields of the event struct, by JSON name. */
export type EventData = Record<string, unknown>;

/** The parts every kind shares. `Options` is the collector's own section of the config file, after its schema. */
interface Shared<Options, Specs extends MetricSpecs, Types extends ObjectTypes> {
  /** The generated binding of its BPF object: events, options and maps get their types from it. */
  readonly object?: ObjectBinding<Types>;
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
interface Tracing<Options, Specs extends MetricSpecs, Types extends ObjectTypes>
  extends Shared<Options, Specs, Types> {
  /** Seconds until it is enabled again after `start` returned or failed. Default 10. */
  readonly interval?: number;
  /**
   * Runs until it returns, throws, or `ctx.signal` aborts. Without it the collector loads the BPF object of its
   * own name, attaches it and turns the events of its ring into documents.
   */
  start?(ctx: ContextOf<Options, Specs, Types>): Promise<void>;
  /**
   * Called with each event before it is written, for context that only user space knows (files, cgroups, symbols). May
   * change `event` in place or return another object. Costs a parse and a serialisation for each event.
   */
  enrich?(
    event: Types['event'],
    ctx: ContextOf<Options, Specs, Types>,
  ): Types['event'] | Promise<Types['event']> | void | Promise<void>;
  /** Called at scrape time in the collector's thread. */
  update?(ctx: ContextOf<Options, Specs, Types>): void | Promise<void>;
}

/** Its own options beside those of the object. */
type ContextOf<Options, Specs extends MetricSpecs, Types extends ObjectTypes> = CollectorContext<
  Options & Types['options'],
  Specs,
  Types['maps']
>;

export interface EventCollector<
  Options = unknown,
  Specs extends MetricSpecs = MetricSpecs,
  Types extends ObjectTypes = AnyObject,
> extends Tracing<Options, Specs, Types> {
  readonly kind: 'event';
}

export interface AutotracingCollector<
  Options = unknown,
  Specs extends MetricSpecs = MetricSpecs,
  Types extends ObjectTypes = AnyObject,
> extends Tracing<Options, Specs, Types> {
  readonly kind: 'autotracing';
}

/** A metric collector with a BPF object: a worker thread that keeps the object attached and answers scrapes. */
export interface BpfMetricCollector<
  Options = unknown,
  Specs extends MetricSpecs = MetricSpecs,
  Types extends ObjectTypes = AnyObject,
> extends Shared<Options, Specs, Types> {
  readonly kind: 'metric';
  readonly source: 'bpf';
  update(ctx: ContextOf<Options, Specs, Types>): void | Promise<void>;
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
> extends Omit<Shared<Options, Specs, AnyObject>, 'object'> {
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
  | AutotracingCollector<Loose, Loose, Loose>
  | BpfMetricCollector<Loose, Loose, Loose>
  | FileMetricCollector<Loose, Loose, Loose>;

/** Declares an event collector. */
export function defineEvent<
  Types extends ObjectTypes = AnyObject,
  Options = object,
  const Specs extends MetricSpecs = MetricSpecs,
>(collector: Omit<EventCollector<Options, Specs, Types>, 'kind'>): EventCollector<Options, Specs, Types> {
  return { ...collector, kind: 'event' };
}

/** Declares an autotracing collector: samples, and captures context when something is wrong. */
export function defineAutotracing<
  Types extends ObjectTypes = AnyObject,
  Options = object,
  const Specs extends MetricSpecs = MetricSpecs,
>(
  collector: Omit<AutotracingCollector<Options, Specs, Types>, 'kind'>,
): AutotracingCollector<Options, Specs, Types> {
  return { ...collector, kind: 'autotracing' };
}

/** Declares a metric collector over BPF maps. */
export function defineBpfMetric<
  Types extends ObjectTypes = AnyObject,
  Options = object,
  const Specs extends MetricSpecs = MetricSpecs,
>(
  collector: Omit<BpfMetricCollector<Options, Specs, Types>, 'kind' | 'source'>,
): BpfMetricCollector<Options, Specs, Types> {
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
