/** What an engine is given: whom it drives, at which pace, what it remembers of a former run. */
import type { Samples, Subject } from '../sdk/autotracing.ts';
import type { Log } from '../sdk/context.ts';
import type { Window } from '../sdk/window.ts';
import type { WindowEntries } from './windows.ts';

export interface Pace {
  readonly every_seconds: number;
  /** Samples of a full window. */
  readonly window: number;
  readonly cooldown_seconds: number;
  readonly captures_per_hour: number;
  /** Of one capture. */
  readonly deadline_seconds: number;
}

/** Plain data that a later engine goes on with. */
export interface Memory<State> {
  readonly windows: WindowEntries<State>;
  /** By key: CLOCK_BOOTTIME until which nothing is captured. */
  readonly cooldowns: readonly (readonly [key: string, until_ns: bigint])[];
  readonly starts: readonly bigint[];
}

/**
 * `partial`: the subject was gone before the capture was over, or the capture failed; what was known is written.
 * `failed`: nothing is.
 */
export type Outcome = 'complete' | 'partial' | 'failed';
/** `failed`: the trigger threw. `subjects`: there are too many to keep a window for this one. */
export type Suppression = 'cooldown' | 'budget' | 'failed' | 'subjects';

export interface Captured {
  /** Of the document; that of `why` is part of it. */
  readonly data: object;
  /** The subject ended meanwhile, or not all of it could be looked at. */
  readonly isPartial: boolean;
}

export interface CaptureDocument {
  readonly subject: Subject;
  /** Of the sample that triggered it. */
  readonly boottime_ns: bigint;
  readonly data: object;
}

/** What the engine drives. */
export interface Tracer<State, Why extends object> {
  sample(signal: AbortSignal): Samples<State> | Promise<Samples<State>>;
  trigger(window: Window<State>): Why | undefined;
  capture(subject: Subject, why: Why, signal: AbortSignal): Captured | Promise<Captured>;
  save(document: CaptureDocument): Promise<void>;
  /** Takes care of what the next run should know. */
  keep(memory: Memory<State>): void;
  readonly counts: {
    captured(outcome: Outcome): void;
    suppressed(cause: Suppression): void;
    sampled(outcome: 'taken' | 'failed'): void;
  };
  readonly log: Log;
}
