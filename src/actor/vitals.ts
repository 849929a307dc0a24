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
export type VitalField = (typeof FIELDS)[number];
const SLOT = Object.fromEntries(FIELDS.map((field, index) => [field, index + 1])) as Record<
  VitalField,
  number
>;

export class Vitals {
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

  get(field: VitalField): bigint {
    return Atomics.load(this.#numbers, SLOT[field]);
  }

  set(field: VitalField, value: bigint): void {
    Atomics.store(this.#numbers, SLOT[field], value);
  }

  add(field: VitalField, value: number): void {
    Atomics.add(this.#numbers, SLOT[field], BigInt(value));
  }

  /** Raises a high-water mark. Only the worker writes it, so load and store need not be one step. */
  raise(field: VitalField, value: bigint): void {
    if (value > this.get(field)) this.set(field, value);
  }
}
