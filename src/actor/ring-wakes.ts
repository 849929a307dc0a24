/**
 * How the supervisor, which hears all rings, wakes the reader of one: counters in shared memory and Atomics.notify, 16 µs from
 * thread to thread where a message takes 60. The reader waits without blocking its loop, so scrapes and control calls are
 * answered meanwhile, and without a timer unless it asks for one.
 *
 *   int32 [0]   wake-ups
 *   int32 [1]   those of them that were calls: what is in the ring must not wait (bpf/include/event.h)
 */
const WAKES = 0;
const CALLS = 1;

export class RingWakes {
  readonly #counters: Int32Array;
  #wakes: number;
  #calls: number;

  constructor(shared: SharedArrayBuffer) {
    this.#counters = new Int32Array(shared);
    this.#wakes = Atomics.load(this.#counters, WAKES);
    this.#calls = Atomics.load(this.#counters, CALLS);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Something is in the ring. Ends `woken`, that of now or the next one. */
  wake(): void {
    Atomics.add(this.#counters, WAKES, 1);
    Atomics.notify(this.#counters, WAKES);
  }

  /** It must be read at once. Ends `called`, that of now or the next one, and `woken`. */
  call(): void {
    // First: who is woken looks for it.
    Atomics.add(this.#counters, CALLS, 1);
    Atomics.notify(this.#counters, CALLS);
    this.wake();
  }

  /** Resolves when any thread has woken or called since the last time. */
  async woken(): Promise<void> {
    const waiting = Atomics.waitAsync(this.#counters, WAKES, this.#wakes);
    if (waiting.async) await waiting.value;
    this.#wakes = Atomics.load(this.#counters, WAKES);
  }

  /** Resolves when any thread has called since the last time, or after `timeout_ms`. */
  async called(timeout_ms: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#counters, CALLS, this.#calls, timeout_ms);
    if (waiting.async) await waiting.value;
    this.#calls = Atomics.load(this.#counters, CALLS);
  }
}
