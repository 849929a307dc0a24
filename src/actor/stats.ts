/**
 * Signs of life of one actor, in shared memory: the worker writes them, the supervisor reads them without asking, so a
 * worker that hangs is seen by what it no longer does.
 *
 *   int32 [0]      heartbeat, rises while the worker's event loop turns and nothing it waits for is overdue
 *   int32 [1]      wake counter (WakeCounter)
 *   int64 [1..]    the numbers named in FIELDS
 */
import type { Worker } from 'node:worker_threads';

const FIELDS = [
  'documents',
  'in_flight_bytes',
  'ring_bytes',
  'ring_high_water_bytes',
  'busy_heads',
  'refused_batches',
  /** Written by the supervisor: nanoseconds the worker should rest between two batches; 0 is full speed. */
  'throttle_ns',
  /** Documents that the collector made itself (`ctx.save`); the ledger's half that has no ring, see collector/saver.ts. */
  'saved_produced',
  'saved_journalled',
  'saved_invalid',
  'saved_overloaded',
  'saved_refused',
  'saved_cancelled',
  'saved_lost',
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

/** Slot of the wake counter; the heartbeat has the one before. */
const WAKES = 1;

/**
 * The supervisor wakes a collector by a counter in shared memory and Atomics.notify: 16 µs from thread to thread where a
 * message takes 60. The collector waits without blocking its loop, so scrapes and control calls are answered meanwhile.
 */
export class WakeCounter {
  readonly #counter: Int32Array;
  #seen: number;

  constructor(stats: SharedArrayBuffer) {
    this.#counter = new Int32Array(stats, 0, WAKES + 1);
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

/** CPU time and heap of an actor's thread, over all its runs. */
export class WorkerUsage {
  #earlierRuns_us = 0;
  #thisRun_us = 0;
  #heap_bytes = 0;

  /** Asks the thread's isolate; resolves at once for a thread that is gone, and never rejects. */
  async measure(worker: Worker): Promise<void> {
    try {
      const [{ user, system }, heap] = await Promise.all([worker.cpuUsage(), worker.getHeapStatistics()]);
      this.#thisRun_us = Math.max(this.#thisRun_us, user + system);
      this.#heap_bytes = heap.used_heap_size;
    } catch {
      // The thread ended while it was asked.
    }
  }

  /** The thread is gone: what it had used stays on the account. */
  ended(): void {
    this.#earlierRuns_us += this.#thisRun_us;
    this.#thisRun_us = 0;
    this.#heap_bytes = 0;
  }

  get cpu_us(): number {
    return this.#earlierRuns_us + this.#thisRun_us;
  }

  get heap_bytes(): number {
    return this.#heap_bytes;
  }
}

/** Watches a counter that rises while a thread is alive. */
export class Heartbeat {
  readonly #read: () => number;
  #last = -1;
  #changed_ms = 0;

  /** @param read the counter; shared memory, so it can be read of a thread that hangs */
  constructor(read: () => number) {
    this.#read = read;
  }

  /** A new run begins: its silence is counted from now. */
  begin(now_ms: number): void {
    this.#changed_ms = now_ms;
  }

  /** Reads the counter. @returns for how long it has stood still */
  listen(now_ms: number): number {
    const beat = this.#read();
    if (beat !== this.#last) {
      this.#last = beat;
      this.#changed_ms = now_ms;
    }
    return this.silence(now_ms);
  }

  /** For how long it had stood still when it was last read. */
  silence(now_ms: number): number {
    return now_ms - this.#changed_ms;
  }
}
