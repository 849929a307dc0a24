/**
 * What a collector is made of. This folder is the whole public API: the collectors in `src/collectors` use nothing beside it
 * but the parsers of `src/procfs`.
 *
 * A collector is a file. Its basename is its name everywhere: config key, `--collector.NAME`, thread name, scrape
 * metric, journal directory. `bpf/NAME.bpf.c` alone is already an event collector; `src/collectors/<kind>/NAME.ts`
 * adds behaviour to it, or stands alone when the data comes from files.
 *
 * A declaration is plain data with a few functions: the agent knows it from a description that was made without running it
 * (src/catalog/description.ts), so its top level may only declare.
 */
import type { About } from './about.ts';
import {
  type Autotracer,
  type AutotracerDeclaration,
  CAPTURE_METRICS,
  type CaptureContext,
  PACE,
  type PaceOptions,
  type Samples,
  type Subject,
} from './autotracing.ts';
import type { AnyObject, ObjectBinding, ObjectTypes } from './binding.ts';
import type {
  BpfObject,
  CollectorContext,
  MetricContext,
  SampleContext,
  Severity,
  UpdateContext,
} from './context.ts';
import { boolean, type DocumentFields, type DocumentOf, optional } from './document.ts';
import type { HostNeed } from './host-need.ts';
import type { MetricSpecs } from './metrics.ts';
import type { OptionSpecs, OptionValues } from './options.ts';
import type { Window } from './window.ts';

export type CollectorKind = 'event' | 'autotracing' | 'metric';

/** A parsed document payload as `enrich` sees it: the fields of the event struct, by JSON name. */
export type EventData = Record<string, unknown>;

/** The parts every kind shares. */
interface Shared<Options extends OptionSpecs, Specs extends MetricSpecs, Types extends ObjectTypes> {
  /** The generated binding of its BPF object: events, options and maps get their types from it. */
  readonly object?: ObjectBinding<Types>;
  /** One sentence: what an SRE learns from it. Shown by `huatuo list`, in the config file and in the docs. */
  readonly doc: string;
  /** Its row in the table of collectors, unless its BPF object has it. */
  readonly about?: About;
  /** What this host must have for it to see anything. */
  readonly needs?: HostNeed;
  /** Off unless asked for. Default true. */
  readonly enabledByDefault?: boolean;
  /** Config keys beside those that the BPF object declares with OPTION(); see `options.ts`. */
  readonly options?: Options;
  /** Metrics it may export, by short name; see `metrics.ts`. */
  readonly metrics?: Specs;
  /** Upper bound of label sets over all its metrics; more are counted and refused. Default 10,000. */
  readonly maxSeries?: number;
}

/** A tracing collector: lives in its own worker thread for as long as the agent runs. */
interface Tracing<
  Options extends OptionSpecs,
  Specs extends MetricSpecs,
  Fields extends DocumentFields,
  Types extends ObjectTypes,
> extends Shared<Options, Specs, Types> {
  /** What `enrich` adds to an event, and what `ctx.save` writes; see `document.ts`. */
  readonly document?: Fields;
  /** Seconds until `start` is called again after it returned. Default 10. */
  readonly interval?: number;
  /**
   * Runs until it returns, throws, or `ctx.signal` aborts. Without it the collector loads the BPF object of its
   * own name, attaches it and turns the events of its ring into documents.
   */
  start?(ctx: ContextOf<Options, Specs, Fields, Types>): Promise<void>;
  /**
   * Called when the collector's BPF object is loaded and not yet attached, again after each restart: writes into its maps what
   * its programs must know. A collector with `start` does that there.
   */
  prepare?(object: BpfObject<Types['maps']>, ctx: ContextOf<Options, Specs, Fields, Types>): Promise<void>;
  /**
   * Called with each event before it is written, for context that only user space knows (files, cgroups). May change
   * `event` in place or return another object. Costs a parse and a serialisation for each event.
   */
  enrich?(
    event: Types['event'],
    ctx: ContextOf<Options, Specs, Fields, Types>,
  ): Enriched<Types['event'], Fields> | Promise<Enriched<Types['event'], Fields>> | void | Promise<void>;
  /** Called at scrape time in the collector's thread. */
  update?(ctx: ContextOf<Options, Specs, Fields, Types>): void | Promise<void>;
}

/** Its own options beside those of the object. */
type AllOptions<Options extends OptionSpecs, Types extends ObjectTypes> = OptionValues<Options> &
  Types['options'];

type ContextOf<
  Options extends OptionSpecs,
  Specs extends MetricSpecs,
  Fields extends DocumentFields,
  Types extends ObjectTypes,
> = CollectorContext<AllOptions<Options, Types>, Specs, DocumentOf<Fields>, Types['maps']>;

/** An event with the fields that its collector declares. */
export type Enriched<Event extends object, Fields extends DocumentFields> = Event & DocumentOf<Fields>;

export interface EventCollector<
  Options extends OptionSpecs = OptionSpecs,
  Specs extends MetricSpecs = MetricSpecs,
  Fields extends DocumentFields = DocumentFields,
  Types extends ObjectTypes = AnyObject,
> extends Tracing<Options, Specs, Fields, Types> {
  readonly kind: 'event';
}

export interface AutotracingCollector<
  Options extends OptionSpecs = OptionSpecs,
  Specs extends MetricSpecs = MetricSpecs,
  Fields extends DocumentFields = DocumentFields,
  Types extends ObjectTypes = AnyObject,
> extends Tracing<Options, Specs, Fields, Types> {
  readonly kind: 'autotracing';
}

/**
 * A metric collector. With a BPF object of its name it has a worker thread of its own, which keeps the object attached and
 * answers scrapes, unless all its metrics are maps of that object; without one its functions run as short tasks on a pool, which keeps nothing between two calls but `ctx.state`.
 *
 * What must be compared over time is taken by `sample` on a clock of its own, so the result never depends on who scrapes
 * how often; the framework keeps the newest two samples and hands them to `update`.
 */
export interface MetricCollector<
  Options extends OptionSpecs = OptionSpecs,
  Specs extends MetricSpecs = MetricSpecs,
  State = unknown,
  Types extends ObjectTypes = AnyObject,
> extends Shared<Options, Specs, Types> {
  readonly kind: 'metric';
  readonly sample?: {
    /** Seconds between two samples. */
    readonly every: number;
    /** Must return plain data (it crosses threads). */
    take(ctx: MetricContext<AllOptions<Options, Types>>): State | Promise<State>;
  };
  /** Called at scrape time. One that sets nothing has nothing to say, which is no failure. */
  update(ctx: UpdateContext<AllOptions<Options, Types>, Specs, State, Types['maps']>): void | Promise<void>;
}

/** Any collector, as the framework sees it: what its own types promised, its declaration has checked. */
export type Collector = AnyTracing | AnyMetric | AnyAutotracer;

interface AnyTracing extends Omit<Shared<OptionSpecs, MetricSpecs, AnyObject>, 'object'> {
  readonly kind: 'event' | 'autotracing';
  readonly document?: DocumentFields;
  readonly interval?: number;
  start?(ctx: CollectorContext): Promise<void>;
  prepare?(object: BpfObject, ctx: CollectorContext): Promise<void>;
  enrich?(event: object, ctx: CollectorContext): unknown;
  update?(ctx: CollectorContext): void | Promise<void>;
}

/** An autotracer that is a declaration; the framework runs it. */
export interface AnyAutotracer extends AnyTracing {
  readonly kind: 'autotracing';
  readonly severity?: Severity;
  readonly remembersProcesses?: boolean;
  sample(ctx: SampleContext<unknown>): Samples<unknown> | Promise<Samples<unknown>>;
  trigger(window: Window<unknown>, options: unknown): object | undefined;
  aspect?(why: object): string;
  capture(subject: Subject, why: object, ctx: CaptureContext<unknown>): object | Promise<object>;
}

interface AnyMetric extends Omit<Shared<OptionSpecs, MetricSpecs, AnyObject>, 'object'> {
  readonly kind: 'metric';
  readonly sample?: { readonly every: number; take(ctx: MetricContext<unknown>): unknown };
  update(ctx: UpdateContext<unknown, MetricSpecs, unknown>): void | Promise<void>;
}

/** No keys: what a collector has that declares none. */
type None = Readonly<Record<never, never>>;

/** Declares an event collector. */
export function defineEvent<
  Types extends ObjectTypes = AnyObject,
  const Options extends OptionSpecs = None,
  const Specs extends MetricSpecs = None,
  const Fields extends DocumentFields = None,
>(
  collector: Omit<EventCollector<Options, Specs, Fields, Types>, 'kind'>,
): EventCollector<Options, Specs, Fields, Types> {
  return { ...collector, kind: 'event' };
}

/** Added to every autotracer's document. */
const PARTIAL = {
  partial: optional(
    boolean('True when the container ended meanwhile, or not all could be read: fields may be missing'),
  ),
};

/** Declares an autotracing collector: the framework samples, and captures context when something is wrong. */
export function defineAutotracing<
  State,
  Why extends object,
  const Options extends OptionSpecs & Partial<PaceOptions> = None,
  const Fields extends DocumentFields = None,
>(declaration: AutotracerDeclaration<Options, Fields, State, Why>): Autotracer<Options, Fields, State, Why>;
/** Declares one that has the loop itself, in `start`. */
export function defineAutotracing<
  Types extends ObjectTypes = AnyObject,
  const Options extends OptionSpecs = None,
  const Specs extends MetricSpecs = None,
  const Fields extends DocumentFields = None,
>(
  collector: Omit<AutotracingCollector<Options, Specs, Fields, Types>, 'kind'>,
): AutotracingCollector<Options, Specs, Fields, Types>;
export function defineAutotracing(collector: {
  readonly options?: OptionSpecs;
  readonly document?: DocumentFields;
}): object {
  if (!('trigger' in collector)) return { ...collector, kind: 'autotracing' };
  return {
    ...collector,
    kind: 'autotracing',
    options: { ...PACE, ...collector.options },
    document: { ...collector.document, ...PARTIAL },
    metrics: CAPTURE_METRICS,
  };
}

/** Declares a metric collector, over the maps of its BPF object or over files. */
export function defineMetric<
  State = undefined,
  const Options extends OptionSpecs = None,
  const Specs extends MetricSpecs = None,
  Types extends ObjectTypes = AnyObject,
>(
  collector: Omit<MetricCollector<Options, Specs, State, Types>, 'kind'>,
): MetricCollector<Options, Specs, State, Types> {
  return { ...collector, kind: 'metric' };
}
