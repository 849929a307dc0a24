/** What an engine is given: whom it drives, at which pace, what it remembers of a former run. */
import type { Log } from '../sdk/context.ts';
import type { Exhausted, HourlyLimits, Spent } from './budget.ts';

export interface Pace {
  readonly every_seconds: number;
  readonly cooldown_seconds: number;
  readonly hourly: HourlyLimits;
  /** How long a look may take; absent: `SAMPLE_DEADLINE_SECONDS`. */
  readonly sample_seconds?: number;
}

/** Plain data that a later engine goes on with. */
export interface Memory {
  /** By key: CLOCK_BOOTTIME until which nothing is captured. */
  readonly cooldowns: readonly (readonly [key: string, until_ns: bigint])[];
  readonly spent: Spent;
}

/**
 * `partial`: the subject was gone before the capture was over, or the capture failed; what was known is written.
 * `failed`: nothing is.
 */
export type Outcome = 'complete' | 'partial' | 'failed';
/** `failed`: the trigger threw. `subjects`: there are too many to keep a window for this one. */
export type Suppression = 'cooldown' | Exhausted | 'failed' | 'subjects';

/** A trigger says that something is wrong with a subject. */
export interface Alarm {
  /** Of the subject. */
  readonly key: string;
}

/** One sample of all subjects, and what the trigger said of each. */
export interface Look<OneAlarm extends Alarm> {
  readonly alarms: readonly OneAlarm[];
  /** Subjects for which the trigger failed, and those for which there was no window left. */
  readonly suppressed: { readonly failed: number; readonly subjects: number };
}

/** What the engine drives. */
export interface Tracer<OneAlarm extends Alarm> {
  /** @param signal aborts when its time is up: what comes of it after that is dropped */
  look(signal: AbortSignal): Promise<Look<OneAlarm>>;
  /** Writes a document. @throws when there is none @param signal aborts when the collector is stopped */
  capture(alarm: OneAlarm, signal: AbortSignal): Promise<Exclude<Outcome, 'failed'>>;
  /** CPU time of all captures so far, those that run included. */
  captureCpu_seconds(): number;
  /** Takes care of what the next run should know. */
  keep(memory: Memory): void;
  readonly counts: Counts;
  readonly log: Log;
}

export interface Counts {
  captured(outcome: Outcome): void;
  suppressed(cause: Suppression, times?: number): void;
  sampled(outcome: 'taken' | 'failed'): void;
}
