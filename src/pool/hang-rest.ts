/**
 * What a collector on the pool may cost the others. One of its tasks runs at a time, so it never has both threads; one that
 * hangs costs its thread, and one that hangs in the kernel cannot be ended, so after each the collector rests twice as long.
 */
import { HuatuoError } from '../error.ts';

const BACKOFF_MIN_MS = 10_000;
const BACKOFF_MAX_MS = 600_000;

export class HangRest {
  readonly #collector: string;
  #hangs = 0;
  #restUntil_ms = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(collector: string) {
    this.#collector = collector;
  }

  /**
   * Runs a task when the one before has ended.
   * @throws DEADLINE_EXCEEDED without running it while the collector rests; what the task throws
   */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#guarded(task));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #guarded<T>(task: () => Promise<T>): Promise<T> {
    if (performance.now() < this.#restUntil_ms) throw this.#resting();
    try {
      const result = await task();
      this.#hangs = 0;
      return result;
    } catch (error) {
      if (error instanceof HuatuoError && error.code === 'DEADLINE_EXCEEDED') {
        this.#restUntil_ms =
          performance.now() + Math.min(BACKOFF_MIN_MS * 2 ** this.#hangs++, BACKOFF_MAX_MS);
      }
      throw error;
    }
  }

  #resting(): HuatuoError {
    const rest_seconds = Math.ceil((this.#restUntil_ms - performance.now()) / 1000);
    return new HuatuoError('DEADLINE_EXCEEDED', {
      found: `collector ${this.#collector} hung ${this.#hangs} times`,
      remedy: `it is tried again in ${rest_seconds} s`,
    });
  }
}
