/**
 * Work that must end. A thread whose event loop turns can still hang on a promise that is never settled, so the heartbeat
 * stands still while anything watched here is overdue, and the supervisor replaces the worker.
 */
export class Overdue {
  readonly #limit_ms: number;
  readonly #started = new Map<symbol, number>();

  /** @param limit_ms how long one piece of work may take */
  constructor(limit_ms: number) {
    this.#limit_ms = limit_ms;
  }

  /** Watches until the promise settles; passes its outcome on. */
  async watch<T>(work: Promise<T>): Promise<T> {
    const key = Symbol();
    this.#started.set(key, performance.now());
    try {
      return await work;
    } finally {
      this.#started.delete(key);
    }
  }

  get any(): boolean {
    const oldest = this.#started.values().next().value;
    return oldest !== undefined && performance.now() - oldest > this.#limit_ms;
  }
}
