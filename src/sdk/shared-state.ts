/**
 * `ctx.state`: plain data that outlives the worker. It lies in shared memory that the supervisor keeps: written to the half
 * that is not in force, which a store then puts in force, so a thread that ends in any line leaves the old value or the new one.
 * One thread at a time may set it; any number may read meanwhile, and get one value or another, never parts of two.
 *
 *   int32 [0]     how often it was set; 0 never. Its lowest bit says which half is in force
 *   int32 [1..2]  bytes in use of each half
 *   int32 [3]     which memory this is
 */
import { deserialize, serialize } from 'node:v8';
import { HuatuoError } from '../error.ts';
import type { State } from './context.ts';

/** The halves grow when they are written: a collector without state costs nothing. */
export interface StateMemory {
  readonly header: SharedArrayBuffer;
  readonly halves: readonly [SharedArrayBuffer, SharedArrayBuffer];
}

const MAX_BYTES = 1 << 20;

let allocated = 0;

/** @param maxByteLength of one value */
export function allocateState(maxByteLength: number = MAX_BYTES): StateMemory {
  const header = new SharedArrayBuffer(16);
  new Int32Array(header)[3] = ++allocated;
  const half = (): SharedArrayBuffer => new SharedArrayBuffer(0, { maxByteLength });
  return { header, halves: [half(), half()] };
}

export class SharedState implements State {
  readonly #header: Int32Array;
  readonly #halves: StateMemory['halves'];

  constructor({ header, halves }: StateMemory) {
    this.#header = new Int32Array(header);
    this.#halves = halves;
  }

  /** Another one after each `set`, and of each memory that one thread has allocated. */
  get version(): string {
    return `${this.#header[3]} ${Atomics.load(this.#header, 0)}`;
  }

  get<T>(): T | undefined {
    for (;;) {
      const times = Atomics.load(this.#header, 0);
      if (times === 0) return undefined;
      const half = times & 1;
      const copy = new Uint8Array(this.#halves[half as 0 | 1], 0, this.#header[1 + half]).slice();
      // What was set once meanwhile is in the other half; what was set twice may have come between the bytes that were read.
      if (Atomics.load(this.#header, 0) === times) return deserialize(copy) as T;
    }
  }

  set(value: unknown): void {
    const bytes = serializeState(value, this.#halves[0].maxByteLength);
    const times = (Atomics.load(this.#header, 0) + 1) & 0x7fff_ffff || 2;
    const half = times & 1;
    const memory = this.#halves[half as 0 | 1];
    if (memory.byteLength < bytes.byteLength) memory.grow(bytes.byteLength);
    new Uint8Array(memory).set(bytes);
    this.#header[1 + half] = bytes.byteLength;
    Atomics.store(this.#header, 0, times);
  }
}

function serializeState(value: unknown, max_bytes: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = serialize(value);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw invalid('plain data', found, 'leave out functions and objects with a class of their own', cause);
  }
  if (bytes.byteLength <= max_bytes) return bytes;
  throw invalid(
    `at most ${max_bytes} bytes`,
    `${bytes.byteLength} bytes`,
    'keep less: it is written as a whole',
  );
}

function invalid(expected: string, found: string, remedy: string, cause?: unknown): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', { expected: `state of ${expected}`, found, remedy, cause });
}
