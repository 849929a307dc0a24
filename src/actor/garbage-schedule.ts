/**
 * When a thread collects its garbage: some time after its start, when what that needed is garbage; once more when the first
 * scrapes have been there; and then rarely, for what a quiet heap gathers (60 KB a minute). A thread that is busy collects by
 * itself, and is not to be disturbed. The supervisor counts the time, so that no thread has a timer for it, and lets one after the other:
 * all of them at once would take every CPU from a scrape for as long as that takes. Pure.
 */

/** After the actor has begun to run. By then it has its ports, and what came up while it waited is done. */
const AFTER_START_MS: readonly number[] = [6_000, 35_000];
const EVERY_MS = 300_000;
/** Of the time since the last look: a thread that is busier is not quiet. */
const QUIET_SHARE = 0.05;

export class GarbageSchedule {
  #since_ms = 0;
  #collections = 0;
  #looked = { time_ms: 0, active_ms: 0 };

  /** The thread has been started, or its start has ended. */
  begin(now_ms: number): void {
    this.#since_ms = now_ms;
    this.#collections = 0;
  }

  /**
   * @param active_ms how long the thread's event loop has been at work, since any moment
   * @param isTurn no other thread has been told at this tick
   * @returns whether it is to collect now, which counts as done
   */
  isDue(now_ms: number, active_ms: number, isTurn = true): boolean {
    const { time_ms, active_ms: before_ms } = this.#looked;
    this.#looked = { time_ms: now_ms, active_ms };
    const isQuiet = active_ms - before_ms <= (now_ms - time_ms) * QUIET_SHARE;
    if (!isQuiet || !isTurn || now_ms - this.#since_ms < this.#wait_ms) return false;
    this.#collections += 1;
    if (this.#collections >= AFTER_START_MS.length) this.#since_ms = now_ms;
    return true;
  }

  get #wait_ms(): number {
    return AFTER_START_MS[this.#collections] ?? EVERY_MS;
  }
}
