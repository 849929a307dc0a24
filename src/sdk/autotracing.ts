/**
 * An autotracer as a declaration: what to look at, when something is wrong, what to write then.
 *
 *   export default defineAutotracing({
 *     doc: …, options: { floor: size('512MiB', …) }, document: { used_bytes: bytes(…) },
 *     sample: (ctx) => perWorkload(ctx, ({ cgroups }) => read(cgroups)),                // each subject and its state
 *     trigger: ({ newest }, { floor }) => (newest.state > floor ? { used_bytes: newest.state } : undefined),   // pure
 *     capture: (subject, why, { processes }) => ({ ...why, top: processes.top(subject, 'rss', 10) }),
 *   });
 *
 * The framework (src/capture) owns the rest: the clock, a window of samples for each subject, cool-down, budget and deadlines,
 * what outlives a restart, subjects that are gone. The three functions keep nothing between two calls: sample and trigger are
 * tasks on a pool, each capture has a thread of its own. With a BPF object of its name, an autotracer has one thread for all of it.
 */
import type { About } from './about.ts';
import type { Container, Unit } from './container.ts';
import type { SampleContext, Severity } from './context.ts';
import type { Disks } from './disks.ts';
import type { DocumentFields, DocumentOf } from './document.ts';
import type { MemoryGrowth } from './memory-growth.ts';
import { counter, type TypedSpec } from './metrics.ts';
import {
  count,
  type DurationOption,
  duration,
  type FlagOption,
  flag,
  type NumberOption,
  type OptionSpecs,
  type OptionValues,
} from './options.ts';
import type { Profiles } from './profile.ts';
import type { Window } from './window.ts';

/** A container, or a unit of systemd that has series; or the host, or a part of it, by name: `host`, `sda`. */
export type Subject = Container | Unit | string;

/** One sample: the state of each subject there is, plain data and small. */
export type Samples<State> = Iterable<readonly [subject: Subject, state: State]>;

/** Options that every autotracer has. One that declares the same key gives it another default, bounds and meaning. */
export type PaceOptions = {
  readonly every: DurationOption;
  readonly window: NumberOption;
  readonly cooldown: DurationOption;
  readonly captures_per_hour: NumberOption;
  readonly capture_cpu_per_hour: DurationOption;
  readonly deadline: DurationOption;
};

export const PACE: PaceOptions = {
  every: duration('10s', 'Time between two samples', { min: '1s', max: '1h' }),
  window: count(2, 'Samples that are compared', { min: 1, max: 720 }),
  cooldown: duration(
    '30m',
    'Time after a capture in which the same container or systemd unit, or the host, has no other',
  ),
  captures_per_hour: count(12, 'Captures within an hour, of the host and all containers and units together'),
  capture_cpu_per_hour: duration(
    '2m',
    'CPU time that captures may use within an hour, with the search for names; beyond it there is none',
  ),
  deadline: duration('30s', 'Longest time of one capture', { min: '1s', max: '10m' }),
};

/** Options of one whose captures take `profile.around`. */
export type PrecaptureOptions = { readonly pre_capture: FlagOption };

export const PRECAPTURE: PrecaptureOptions = {
  pre_capture: flag(
    false,
    'Whether what runs is profiled all the time, at 99 Hz, so that a document also shows the last 15 to 30 s before its trigger, whatever has ended since; one such profile of the host is shared by all that have it',
  ),
};

/** The collector's own options and those of `PACE`. */
export type WithPace<Options extends OptionSpecs> = Options & Omit<PaceOptions, keyof Options>;

/** Metrics of every autotracer; they are the framework's. */
export const CAPTURE_METRICS: {
  readonly captures: TypedSpec<'counter', readonly ['collector', 'outcome']>;
  readonly suppressed: TypedSpec<'counter', readonly ['collector', 'cause']>;
  readonly samples: TypedSpec<'counter', readonly ['collector', 'outcome']>;
} = {
  captures: counter({
    name: 'huatuo_autotracing_captures_total',
    help: 'Captures: complete; partial, because what was captured ended or the capture failed; or failed, without a document.',
    labels: ['collector', 'outcome'],
  }),
  suppressed: counter({
    name: 'huatuo_autotracing_suppressed_total',
    help: 'What led to no capture: triggers in a cool-down (cooldown), beyond captures_per_hour (budget) or capture_cpu_per_hour (cpu_budget), those that failed, and samples of too many subjects.',
    labels: ['collector', 'cause'],
  }),
  samples: counter({
    name: 'huatuo_autotracing_samples_total',
    help: 'Samples that were taken, and those that failed or took too long.',
    labels: ['collector', 'outcome'],
  }),
};

/** A process as a capture shows it. */
export interface ProcessUse {
  readonly pid: number;
  /** Chosen by the process. */
  readonly comm: string;
  readonly rss_bytes: number;
  /** Since the baseline, half a window to a whole one ago, or since the process was started; undefined when that is not known. */
  readonly growth_bytes: number | undefined;
}

export interface Processes {
  /**
   * The processes of a container, a unit or the host, with the most resident memory or the most growth of it, largest first.
   * When not all of them could be looked at, or there are none any more, the document is marked as partial.
   */
  top(subject: Subject, by: 'rss' | 'growth', most: number): ProcessUse[];
}

export interface CaptureContext<Options> extends SampleContext<Options> {
  /** Aborts when the capture has run out of time or the collector is stopped. */
  readonly signal: AbortSignal;
  readonly processes: Processes;
  /** Of the subject: a container or a unit with all its cgroups, or the host. */
  readonly profile: Profiles;
  readonly disks: Disks;
  /** Of the subject, as `profile`. */
  readonly memory: MemoryGrowth;
}

/** `State` and `Why` are found from what `sample` and `trigger` return, in this order. */
export interface AutotracerDeclaration<
  Options extends OptionSpecs,
  Fields extends DocumentFields,
  State,
  Why extends object,
> {
  /** One sentence: what an SRE learns from it. */
  readonly doc: string;
  /** Its row in the table of collectors. */
  readonly about?: About;
  /** Off unless asked for. Default true. */
  readonly enabledByDefault?: boolean;
  /** Config keys; those of `PACE` are there without it. */
  readonly options?: Options;
  /** What `capture` returns. */
  readonly document: Fields;
  /** Of its documents. Default `warning`. */
  readonly severity?: Severity;
  /** Processes are looked at twice in a window, so that `processes.top` can tell how much they have grown. */
  readonly remembersProcesses?: boolean;
  sample(ctx: SampleContext<OptionValues<WithPace<Options>>>): Samples<State> | Promise<Samples<State>>;
  /** Pure. @returns what is wrong, or undefined */
  trigger(window: Window<State>, options: NoInfer<OptionValues<WithPace<Options>>>): Why | undefined;
  /**
   * What of a subject it is, when more than one thing may be wrong with it: each has a cool-down of its own.
   * @returns a word, one of a few
   */
  aspect?(why: Why): string;
  /** @returns the document; when it throws or runs out of time, `why` is written */
  capture(
    subject: Subject,
    why: Why,
    ctx: CaptureContext<NoInfer<OptionValues<WithPace<Options>>>>,
  ): DocumentOf<NoInfer<Fields>> | Promise<DocumentOf<NoInfer<Fields>>>;
}

/** What `defineAutotracing` makes of a declaration. */
export type Autotracer<
  Options extends OptionSpecs,
  Fields extends DocumentFields,
  State,
  Why extends object,
> = Omit<AutotracerDeclaration<Options, Fields, State, Why>, 'options'> & {
  readonly kind: 'autotracing';
  readonly options: WithPace<Options>;
  readonly metrics: typeof CAPTURE_METRICS;
};
