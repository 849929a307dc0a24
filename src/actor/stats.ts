/**
 * Signs of life of one actor, in shared memory: the worker writes them, the supervisor reads them without asking, so a
 * worker that hangs is seen by what it no longer does.
 *
 *   int32 [0]      heartbeat, rises while the worker's event loop turns and nothing it waits for is overdue
 *   int32 [1]      wake counter (wake.ts)
 *   int64 [1..]    the numbers named in FIELDS
 */
const FIELDS = [
  'documents',
  'in_flight_bytes',
  'ring_bytes',
  'ring_high_water_bytes',
  'busy_heads',
  'refused_batches',
  /** Written by the supervisor: nanoseconds the worker should rest between two batches; 0 is full speed. */
  'throttle_ns',
] as const;
export type StatField = (typeof FIELDS)[number];
const SLOT = Object.fromEntries(FIELDS.map((field, index) => [field, index + 1])) as Record<
  StatField,
  number
>;

export class ActorStats {
  readonly #beat: Int32Array;
  readonly #numbers: BigInt64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#beat = new Int32Array(shared, 0, 1);
    this.#numbers = new BigInt64Array(shared);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer((FIELDS.length + 1) * 8);
  }

  get heartbeat(): number {
    return Atomics.load(this.#beat, 0);
  }

  beat(): void {
    Atomics.add(this.#beat, 0, 1);
  }

  get(field: StatField): bigint {
    return Atomics.load(this.#numbers, SLOT[field]);
  }

  set(field: StatField, value: bigint): void {
    Atomics.store(this.#numbers, SLOT[field], value);
  }

  add(field: StatField, value: number): void {
    Atomics.add(this.#numbers, SLOT[field], BigInt(value));
  }

  /** Raises a high-water mark. Only the worker writes it, so load and store need not be one step. */
  raise(field: StatField, value: bigint): void {
    if (value > this.get(field)) this.set(field, value);
  }
}

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
