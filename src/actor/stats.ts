/**
 * Numbers about one actor, in shared memory: the worker writes them, the supervisor reads them without asking, also of a
 * worker that hangs.
 *
 *   int64 [0..1]   heartbeat (heartbeat.ts)
 *   int64 [2..]    the numbers named in FIELDS
 */
import type { Worker } from 'node:worker_threads';
import { HEARTBEAT_BYTES } from './heartbeat.ts';

/** What can become of a document that a collector made itself. */
export const SAVED_ENDS = [
  'saved_journalled',
  'saved_invalid',
  'saved_overloaded',
  'saved_refused',
  'saved_cancelled',
  'saved_lost',
  'saved_oversized',
] as const;

const FIELDS = [
  'documents',
  'in_flight_bytes',
  'ring_bytes',
  'ring_high_water_bytes',
  'busy_heads',
  'refused_batches',
  /** Events left out because the journal could never take their documents, and those written without what `enrich` adds. */
  'oversized',
  'unenriched',
  /** Texts the decoder had to ask for, and those it had to forget to make room. */
  'lookup_misses',
  'lookup_evictions',
  /** Written by the supervisor: nanoseconds the worker should rest between two batches; 0 is full speed. */
  'throttle_ns',
  /** Documents that the collector made itself (`ctx.save`); the ledger's half that has no ring, see collector/saver.ts. */
  'saved_produced',
  ...SAVED_ENDS,
] as const;
export type StatField = (typeof FIELDS)[number];
const SLOT = Object.fromEntries(FIELDS.map((field, index) => [field, index])) as Record<StatField, number>;

export class ActorStats {
  readonly #numbers: BigInt64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#numbers = new BigInt64Array(shared, HEARTBEAT_BYTES);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(HEARTBEAT_BYTES + FIELDS.length * BigInt64Array.BYTES_PER_ELEMENT);
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

/** CPU time of an actor's thread over all its runs, and memory of the present one. */
export class WorkerUsage {
  #earlierRuns_us = 0;
  #thisRun_us = 0;
  #heap_bytes = 0;
  #external_bytes = 0;
  #memory_bytes = 0;
  #least_bytes = Number.POSITIVE_INFINITY;

  /** Asks the thread's isolate; resolves at once for a thread that is gone, and never rejects. */
  async measure(worker: Worker): Promise<void> {
    try {
      const [{ user, system }, heap] = await Promise.all([worker.cpuUsage(), worker.getHeapStatistics()]);
      this.#thisRun_us = Math.max(this.#thisRun_us, user + system);
      this.#heap_bytes = heap.used_heap_size;
      this.#external_bytes = heap.external_memory;
      this.#memory_bytes = heap.total_heap_size + heap.external_memory;
      this.#least_bytes = Math.min(this.#least_bytes, this.#memory_bytes);
    } catch {
      // The thread ended while it was asked.
    }
  }

  /** The thread is gone: what it had used stays on the account. */
  ended(): void {
    this.#earlierRuns_us += this.#thisRun_us;
    this.#thisRun_us = 0;
    this.#heap_bytes = 0;
    this.#external_bytes = 0;
    this.#memory_bytes = 0;
    this.#least_bytes = Number.POSITIVE_INFINITY;
  }

  get cpu_us(): number {
    return this.#earlierRuns_us + this.#thisRun_us;
  }

  get heap_bytes(): number {
    return this.#heap_bytes;
  }

  get external_bytes(): number {
    return this.#external_bytes;
  }

  /** Heap and buffers above the least that this run was seen with. */
  get grown_bytes(): number {
    return Math.max(0, this.#memory_bytes - this.#least_bytes);
  }
}
