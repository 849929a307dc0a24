/**
 * How the supervisor wakes a collector: a counter in shared memory and Atomics.notify, 16 µs from thread to thread where a
 * message takes 60. The collector waits without blocking its loop, so scrapes and control calls are answered meanwhile.
 */

/** Slot of the counter in the vitals' memory (vitals.ts); the heartbeat has the one before. */
const WAKES = 1;

export class WakeCounter {
  readonly #counter: Int32Array;
  #seen: number;

  constructor(vitals: SharedArrayBuffer) {
    this.#counter = new Int32Array(vitals, 0, WAKES + 1);
    this.#seen = Atomics.load(this.#counter, WAKES);
  }

  /** Ends the wait of whoever waits, or the next one. */
  wake(): void {
    Atomics.add(this.#counter, WAKES, 1);
    Atomics.notify(this.#counter, WAKES);
  }

  /** Resolves when `wake` was called since the last wait, by any thread, or after `timeout_ms`. */
  async wait(timeout_ms: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#counter, WAKES, this.#seen, timeout_ms);
    if (waiting.async) await waiting.value;
    this.#seen = Atomics.load(this.#counter, WAKES);
  }
}
