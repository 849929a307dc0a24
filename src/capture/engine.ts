/**
 * What drives an autotracer: looks on a clock, and starts captures of what a trigger has found.
 *
 *   every n s ──► look: sample ──► window of each subject ──► trigger ──► cool-down? budget? ──► capture ──► document
 *                   ▲                                                                               │
 *                   └───────────── goes on while captures run, several at once ─────────────────────┘
 *
 * It knows neither files nor threads nor the time of day: what it drives and what it counts on are handed in.
 */
import { HuatuoError } from '../error.ts';
import { type Exhausted, HourlyBudget } from './budget.ts';
import { type EngineClock, within } from './clock.ts';
import type { Alarm, Look, Memory, Pace, Tracer } from './tracer.ts';

/** A look that takes longer has failed, where its pace says nothing else; no other is started before it has ended. */
export const SAMPLE_DEADLINE_SECONDS = 5;
/** So many samples in a row that failed are a failure of the collector, which the supervisor shows and treats. */
export const MAX_FAILED_SAMPLES = 10;
const KEEP_INTERVAL_NS = 60_000_000_000n;

export class Engine<OneAlarm extends Alarm> {
  readonly #tracer: Tracer<OneAlarm>;
  readonly #pace: Pace;
  readonly #time: { readonly clock: EngineClock; readonly stop: AbortSignal };
  readonly #cooldowns: Map<string, bigint>;
  readonly #budget: HourlyBudget;
  /** Those that run, by key of their subject. */
  readonly #captures = new Map<string, Promise<void>>();
  #isLooking = false;
  /** It was said that the budget is exhausted. */
  #isExhausted = false;
  /** CPU time of captures that the budget knows of. */
  #settled_seconds: number;
  #failed = 0;
  #kept_ns = 0n;

  /** @param memory what a former engine gave to `keep` */
  constructor(
    tracer: Tracer<OneAlarm>,
    pace: Pace,
    time: { readonly clock: EngineClock; readonly stop: AbortSignal },
    memory?: Memory,
  ) {
    this.#tracer = tracer;
    this.#pace = pace;
    this.#time = time;
    this.#cooldowns = new Map(memory?.cooldowns);
    this.#budget = new HourlyBudget(pace.hourly, memory?.spent);
    this.#settled_seconds = tracer.captureCpu_seconds();
  }

  /**
   * Samples until it is stopped; what is being captured then is given up.
   * @throws the failure of a sample that no retry can heal, or of the last of `MAX_FAILED_SAMPLES` in a row
   */
  async run(): Promise<void> {
    const { clock, stop } = this.#time;
    const every_ns = nanoseconds(this.#pace.every_seconds);
    try {
      while (!stop.aborted) {
        await this.#tick(clock.boottime_ns());
        const now_ns = clock.boottime_ns();
        await clock.sleep(Number(nextTick(now_ns, every_ns) - now_ns) / 1e9, stop);
      }
    } finally {
      await Promise.all(this.#captures.values());
      this.#settle(clock.boottime_ns());
      this.#keep(clock.boottime_ns());
    }
  }

  async #tick(now_ns: bigint): Promise<void> {
    const { counts } = this.#tracer;
    this.#settle(now_ns);
    try {
      const { alarms, suppressed } = await this.#look();
      counts.sampled('taken');
      counts.suppressed('failed', suppressed.failed);
      counts.suppressed('subjects', suppressed.subjects);
      for (const alarm of alarms) this.#react(alarm, now_ns);
      this.#failed = 0;
    } catch (error) {
      this.#sampleFailed(error);
    }
    for (const [key, until_ns] of this.#cooldowns) if (until_ns <= now_ns) this.#cooldowns.delete(key);
    if (now_ns - this.#kept_ns >= KEEP_INTERVAL_NS) this.#keep(now_ns);
  }

  async #look(): Promise<Look<OneAlarm>> {
    return within(
      this.#pace.sample_seconds ?? SAMPLE_DEADLINE_SECONDS,
      'a sample',
      this.#time,
      async (signal) => {
        if (this.#isLooking)
          throw new HuatuoError('DEADLINE_EXCEEDED', {
            found: 'the last sample has not ended yet',
            remedy: 'see what it waits for',
          });
        this.#isLooking = true;
        try {
          return await this.#tracer.look(signal);
        } finally {
          this.#isLooking = false;
        }
      },
    );
  }

  #sampleFailed(error: unknown): void {
    if (this.#time.stop.aborted) return;
    this.#tracer.counts.sampled('failed');
    this.#failed += 1;
    // One that came late has lost a sample, and a host that is full of work, as at its start, makes that happen by itself.
    if (this.#failed === 1 && isLate(error)) this.#tracer.log.info('a sample came late', { error });
    // A reload replaces the thread that is asked; of one that has crashed the log tells without this.
    else if (this.#failed === 1 && isGone(error))
      this.#tracer.log.debug('a sample was not answered', { error });
    else this.#tracer.log.warn('a sample failed', { error });
    const permanent = error instanceof HuatuoError && error.permanent;
    if (permanent || this.#failed >= MAX_FAILED_SAMPLES) throw error;
  }

  #react(alarm: OneAlarm, now_ns: bigint): void {
    const { key } = alarm;
    const isCooling = this.#captures.has(key) || (this.#cooldowns.get(key) ?? 0n) > now_ns;
    const cause = isCooling ? 'cooldown' : this.#budget.take(now_ns);
    if (cause !== undefined) {
      this.#tracer.counts.suppressed(cause);
      if (cause !== 'cooldown') this.#sayExhausted(key, cause);
      return;
    }
    this.#isExhausted = false;
    // From now and not from the end of the capture: one that takes its worker down does so once for each cool-down.
    this.#cooldowns.set(key, now_ns + nanoseconds(this.#pace.cooldown_seconds));
    this.#keep(now_ns);
    const capture = this.#capture(alarm).finally(() => this.#captures.delete(key));
    this.#captures.set(key, capture);
  }

  #settle(now_ns: bigint): void {
    const seconds = this.#tracer.captureCpu_seconds();
    this.#budget.spend(now_ns, seconds - this.#settled_seconds);
    this.#settled_seconds = seconds;
  }

  /** Once, until there may be a capture again: triggers come with each sample. */
  #sayExhausted(subject: string, cause: Exhausted): void {
    if (this.#isExhausted) return;
    this.#isExhausted = true;
    const limit = cause === 'budget' ? 'captures_per_hour' : 'capture_cpu_per_hour';
    this.#tracer.log.warn(`triggers are not captured: ${limit} is used up`, { subject });
  }

  /** Never rejects. */
  async #capture(alarm: OneAlarm): Promise<void> {
    const { counts, log } = this.#tracer;
    try {
      counts.captured(await this.#tracer.capture(alarm, this.#time.stop));
    } catch (error) {
      counts.captured('failed');
      // The next run may capture what this one could not finish.
      if (this.#time.stop.aborted) this.#cooldowns.delete(alarm.key);
      else log.error('a capture is lost', { subject: alarm.key, error });
    }
  }

  #keep(now_ns: bigint): void {
    this.#kept_ns = now_ns;
    this.#tracer.keep({ cooldowns: [...this.#cooldowns], spent: this.#budget.spent });
  }
}

/**
 * Ticks fall on multiples of the interval, so that the tracers of an agent wake its threads together: ten of them cost less than
 * half of what they cost one by one. Ticks that a slow sample or a host that slept has missed are left out, not made up for.
 * @returns the first one that is at least half an interval away
 */
function nextTick(now_ns: bigint, every_ns: bigint): bigint {
  return ((now_ns + every_ns / 2n + every_ns - 1n) / every_ns) * every_ns;
}

function nanoseconds(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1e9));
}

function isLate(error: unknown): boolean {
  return error instanceof HuatuoError && (error.code === 'DEADLINE_EXCEEDED' || error.code === 'OVERLOADED');
}

function isGone(error: unknown): boolean {
  return error instanceof HuatuoError && error.code === 'WORKER_EXITED';
}
