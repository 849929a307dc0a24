/**
 * What may fail of one collector and must cost nothing else: EMFILE, ENOMEM, a kernel that refuses. The answer is left out, the
 * failure is counted, and it is in the log when it begins.
 */
import type { Log } from '../sdk/context.ts';

export class Attempts {
  readonly #log: Log;
  readonly #subject: string;
  /** What failed the last time. */
  readonly #failing = new Set<string>();
  #failures = 0;

  /** @param subject name of the collector, for the log */
  constructor(subject: string, log: Log) {
    this.#subject = subject;
    this.#log = log;
  }

  /** How often something has failed. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * @param what is attempted, for the log
   * @returns undefined when it fails
   */
  try<T>(what: string, attempt: () => T): T | undefined {
    try {
      return this.#succeeded(what, attempt());
    } catch (error) {
      return this.#failed(what, error);
    }
  }

  /** The same of what takes its time. */
  async tryLater<T>(what: string, attempt: () => Promise<T>): Promise<T | undefined> {
    try {
      return this.#succeeded(what, await attempt());
    } catch (error) {
      return this.#failed(what, error);
    }
  }

  #succeeded<T>(what: string, answer: T): T {
    this.#failing.delete(what);
    return answer;
  }

  #failed(what: string, error: unknown): undefined {
    this.#failures += 1;
    if (!this.#failing.has(what)) this.#log.warn(`${this.#subject}: ${what} failed`, { error });
    this.#failing.add(what);
  }
}
