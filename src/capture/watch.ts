/**
 * The looking half of an autotracer: takes a sample, puts the state of each subject into that subject's window, and asks the
 * trigger. What it remembers is plain data, so each look may be taken in another thread (src/pool/file-task.ts).
 */
import type { Samples, Subject } from '../sdk/autotracing.ts';
import type { AnyAutotracer } from '../sdk/collector.ts';
import { isContainer } from '../sdk/container.ts';
import type { SampleContext } from '../sdk/context.ts';
import type { WindowSample } from '../sdk/window.ts';
import { Baselines } from './baselines.ts';
import { paceOf } from './pace.ts';
import { type Baseline, takeBaseline } from './processes.ts';
import type { Alarm, Look } from './tracer.ts';
import { type WindowEntries, Windows } from './windows.ts';

/** Containers and units on one host, with room. */
const MAX_SUBJECTS = 1024;
/** Samples that a subject may miss before it counts as gone. */
const MISSED_SAMPLES = 3;

/** Plain data that a later watch goes on with. */
export interface WatchMemory {
  readonly windows: WindowEntries<unknown>;
  readonly baselines: readonly Baseline[];
}

/** @returns where the growth of processes is counted from; undefined when none were looked at */
export function baselineOf(memory: WatchMemory | undefined): Baseline | undefined {
  return memory?.baselines[0];
}

/** Something is wrong with a subject: what a capture begins with. Plain data. */
export interface SubjectAlarm extends Alarm {
  readonly subject: Subject;
  /** What the trigger returned. */
  readonly why: object;
  /** Of the sample that triggered it. */
  readonly boottime_ns: bigint;
}

export class Watch {
  readonly #collector: AnyAutotracer;
  readonly #ctx: SampleContext<unknown>;
  readonly #windows: Windows<unknown>;
  readonly #baselines: Baselines;

  /** @param memory what a former watch had */
  constructor(collector: AnyAutotracer, ctx: SampleContext<unknown>, memory?: WatchMemory) {
    const { every_seconds, window } = paceOf(ctx.options);
    const every_ns = BigInt(Math.round(every_seconds * 1e9));
    const limits = {
      size: window,
      maxAge_ns: every_ns * BigInt(2 * window),
      keep_ns: every_ns * BigInt(MISSED_SAMPLES),
      maxSubjects: MAX_SUBJECTS,
    };
    const take = (now_ns: bigint): Baseline => takeBaseline(ctx.paths.procfs, now_ns);
    this.#collector = collector;
    this.#ctx = ctx;
    this.#windows = new Windows(limits, memory?.windows);
    this.#baselines = new Baselines(window * every_seconds, take, memory?.baselines);
  }

  get memory(): WatchMemory {
    return { windows: this.#windows.entries(), baselines: this.#baselines.kept };
  }

  /**
   * @param now_ns CLOCK_BOOTTIME
   * @param signal a sample that comes after it was aborted is dropped
   * @throws what the sample throws
   */
  async look(now_ns: bigint, signal?: AbortSignal): Promise<Look<SubjectAlarm>> {
    if (this.#collector.remembersProcesses) this.#baselines.refresh(now_ns);
    const samples: Samples<unknown> = await this.#collector.sample(this.#ctx);
    signal?.throwIfAborted();
    const alarms: SubjectAlarm[] = [];
    const suppressed = { failed: 0, subjects: 0 };
    for (const [subject, state] of samples) {
      const found = this.#judge(subject, { boottime_ns: now_ns, state });
      if (typeof found === 'string') suppressed[found] += 1;
      else if (found) alarms.push(found);
    }
    this.#windows.expire(now_ns);
    return { alarms, suppressed };
  }

  /** @returns an alarm, undefined when all is well, or why that cannot be told */
  #judge(
    subject: Subject,
    sample: WindowSample<unknown>,
  ): SubjectAlarm | keyof Look<Alarm>['suppressed'] | undefined {
    try {
      const key = keyOf(subject);
      const window = this.#windows.add(key, sample);
      if (!window) return 'subjects';
      const why = this.#collector.trigger(window, this.#ctx.options);
      if (!why) return undefined;
      const aspect = this.#collector.aspect?.(why);
      return {
        key: aspect === undefined ? key : `${key} ${aspect}`,
        ...{ subject, why, boottime_ns: sample.boottime_ns },
      };
    } catch (error) {
      // What is wrong with one subject must not cost the others.
      this.#ctx.log.error('a trigger failed', { error });
      return 'failed';
    }
  }
}

/** A part of the host, a container and a unit may have the same name. */
function keyOf(subject: Subject): string {
  if (typeof subject === 'string') return `host ${subject}`;
  return `${isContainer(subject) ? 'container' : 'unit'} ${subject.id}`;
}
