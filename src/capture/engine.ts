/**
 * What drives an autotracer: samples on a clock, asks the trigger for each subject, starts captures.
 *
 *   every n s ──► sample ──► window of each subject ──► trigger ──► cool-down? budget? ──► capture ──► document
 *                   ▲                                                                         │
 *                   └────────── goes on while captures run, several at once ──────────────────┘
 *
 * It knows neither files nor threads nor the time of day: what it drives and what it counts on are handed in.
 */
import { HuatuoError } from '../error.ts';
import type { Samples, Subject } from '../sdk/autotracing.ts';
import type { WindowSample } from '../sdk/window.ts';
import { HourlyBudget } from './budget.ts';
import { type EngineClock, within } from './clock.ts';
import type { Captured, Memory, Pace, Tracer } from './tracer.ts';
import { Windows } from './windows.ts';

/** A sample that takes longer has failed; no other is started before it has ended. */
export const SAMPLE_DEADLINE_SECONDS = 5;
/** So many samples in a row that failed are a failure of the collector, which the supervisor shows and treats. */
export const MAX_FAILED_SAMPLES = 10;
/** Containers on one host, with room. */
const MAX_SUBJECTS = 1024;
/** Samples that a subject may miss before it counts as gone. */
const MISSED_SAMPLES = 3;
const KEEP_INTERVAL_NS = 60_000_000_000n;

export class Engine<State, Why extends object> {
  readonly #tracer: Tracer<State, Why>;
  readonly #pace: Pace;
  readonly #time: { readonly clock: EngineClock; readonly stop: AbortSignal };
  readonly #windows: Windows<State>;
  readonly #cooldowns: Map<string, bigint>;
  readonly #budget: HourlyBudget;
  /** Those that run, by key of their subject. */
  readonly #captures = new Map<string, Promise<void>>();
  #isSampling = false;
  #failed = 0;
  #kept_ns = 0n;

  /** @param memory what a former engine gave to `keep` */
  constructor(
    tracer: Tracer<State, Why>,
    pace: Pace,
    time: { readonly clock: EngineClock; readonly stop: AbortSignal },
    memory?: Memory<State>,
  ) {
    const every_ns = nanoseconds(pace.every_seconds);
    const limits = {
      size: pace.window,
      maxAge_ns: every_ns * BigInt(2 * pace.window),
      keep_ns: every_ns * BigInt(MISSED_SAMPLES),
      maxSubjects: MAX_SUBJECTS,
    };
    this.#tracer = tracer;
    this.#pace = pace;
    this.#time = time;
    this.#windows = new Windows(limits, memory?.windows);
    this.#cooldowns = new Map(memory?.cooldowns);
    this.#budget = new HourlyBudget(pace.captures_per_hour, memory?.starts);
  }

  /**
   * Samples until it is stopped; what is being captured then is given up.
   * @throws the failure of a sample that no retry can heal, or of the last of `MAX_FAILED_SAMPLES` in a row
   */
  async run(): Promise<void> {
    const { clock, stop } = this.#time;
    const every_ns = nanoseconds(this.#pace.every_seconds);
    try {
      for (let next_ns = clock.boottime_ns(); !stop.aborted; ) {
        await this.#tick(clock.boottime_ns());
        const now_ns = clock.boottime_ns();
        // Ticks that a slow sample or a host that slept has missed are left out, not made up for.
        next_ns += every_ns * ((now_ns - next_ns) / every_ns + 1n);
        await clock.sleep(Number(next_ns - now_ns) / 1e9, stop);
      }
    } finally {
      await Promise.all(this.#captures.values());
      this.#keep(clock.boottime_ns());
    }
  }

  async #tick(now_ns: bigint): Promise<void> {
    try {
      for (const [subject, state] of await this.#sample())
        this.#look(subject, { boottime_ns: now_ns, state });
      this.#failed = 0;
      this.#tracer.counts.sampled('taken');
    } catch (error) {
      this.#sampleFailed(error);
    }
    this.#windows.expire(now_ns);
    for (const [key, until_ns] of this.#cooldowns) if (until_ns <= now_ns) this.#cooldowns.delete(key);
    if (now_ns - this.#kept_ns >= KEEP_INTERVAL_NS) this.#keep(now_ns);
  }

  async #sample(): Promise<Samples<State>> {
    return within(SAMPLE_DEADLINE_SECONDS, 'a sample', this.#time, async (signal) => {
      if (this.#isSampling)
        throw new HuatuoError('DEADLINE_EXCEEDED', {
          found: 'the last sample has not ended yet',
          remedy: 'see what it waits for',
        });
      this.#isSampling = true;
      try {
        return await this.#tracer.sample(signal);
      } finally {
        this.#isSampling = false;
      }
    });
  }

  #sampleFailed(error: unknown): void {
    if (this.#time.stop.aborted) return;
    this.#tracer.counts.sampled('failed');
    this.#tracer.log.warn('a sample failed', { error });
    this.#failed += 1;
    const permanent = error instanceof HuatuoError && error.permanent;
    if (permanent || this.#failed >= MAX_FAILED_SAMPLES) throw error;
  }

  #look(subject: Subject, sample: WindowSample<State>): void {
    const { counts, log } = this.#tracer;
    const key = keyOf(subject);
    try {
      const window = this.#windows.add(key, sample);
      const why = window && this.#tracer.trigger(window);
      if (!window) counts.suppressed('subjects');
      if (why) this.#react(subject, key, why, sample.boottime_ns);
    } catch (error) {
      // What is wrong with one subject must not cost the others.
      counts.suppressed('failed');
      log.error('a trigger failed', { subject: key, error });
    }
  }

  #react(subject: Subject, key: string, why: Why, now_ns: bigint): void {
    const isCooling = this.#captures.has(key) || (this.#cooldowns.get(key) ?? 0n) > now_ns;
    if (isCooling || !this.#budget.take(now_ns)) {
      this.#tracer.counts.suppressed(isCooling ? 'cooldown' : 'budget');
      return;
    }
    // From now and not from the end of the capture: one that takes its worker down does so once for each cool-down.
    this.#cooldowns.set(key, now_ns + nanoseconds(this.#pace.cooldown_seconds));
    this.#keep(now_ns);
    const capture = this.#capture(subject, key, why, now_ns).finally(() => this.#captures.delete(key));
    this.#captures.set(key, capture);
  }

  /** Never rejects. */
  async #capture(subject: Subject, key: string, why: Why, boottime_ns: bigint): Promise<void> {
    const { counts, log } = this.#tracer;
    try {
      const { data, isPartial } = await this.#collect(subject, key, why);
      const marked = isPartial ? { ...data, partial: true } : data;
      await this.#tracer.save({ subject, boottime_ns, data: marked });
      counts.captured(isPartial ? 'partial' : 'complete');
    } catch (error) {
      counts.captured('failed');
      // The next run may capture what this one could not finish.
      if (this.#time.stop.aborted) this.#cooldowns.delete(key);
      else log.error('a capture is lost', { subject: key, error });
    }
  }

  async #collect(subject: Subject, key: string, why: Why): Promise<Captured> {
    const tracer = this.#tracer;
    try {
      return await within(this.#pace.deadline_seconds, 'a capture', this.#time, (signal) =>
        tracer.capture(subject, why, signal),
      );
    } catch (error) {
      if (this.#time.stop.aborted) throw error;
      tracer.log.warn('a capture failed; what triggered it is written', { subject: key, error });
      return { data: why, isPartial: true };
    }
  }

  #keep(now_ns: bigint): void {
    this.#kept_ns = now_ns;
    this.#tracer.keep({
      windows: this.#windows.entries(),
      cooldowns: [...this.#cooldowns],
      starts: this.#budget.starts,
    });
  }
}

/** A part of the host and a container may have the same name. */
function keyOf(subject: Subject): string {
  return typeof subject === 'string' ? `host ${subject}` : `container ${subject.id}`;
}

function nanoseconds(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1e9));
}
