/**
 * Work that must end. A thread whose event loop turns can still hang on a promise that is never settled, so it does not
 * answer the supervisor (src/actor/heartbeat.ts) while anything watched here is overdue, and is replaced.
 */
export class Overdue {
  readonly #limit_ms: number;
  readonly #changed: (underWay: number) => void;
  readonly #started = new Map<symbol, number>();

  /**
   * @param limit_ms how long one piece of work may take
   * @param changed called when one has begun or ended, with how many there are now
   */
  constructor(limit_ms: number, changed: (underWay: number) => void) {
    this.#limit_ms = limit_ms;
    this.#changed = changed;
  }

  /** Watches until the promise settles; passes its outcome on. */
  async watch<T>(work: Promise<T>): Promise<T> {
    const key = Symbol();
    this.#started.set(key, performance.now());
    this.#changed(this.#started.size);
    try {
      return await work;
    } finally {
      this.#started.delete(key);
      this.#changed(this.#started.size);
    }
  }

  get any(): boolean {
    const oldest = this.#started.values().next().value;
    return oldest !== undefined && performance.now() - oldest > this.#limit_ms;
  }
}
