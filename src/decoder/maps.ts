/** BPF maps as typed collections: the collector's side of src/kernel/map-access.ts. */
import type { MapLayout } from '../schema/manifest.ts';
import type { BpfMap } from '../sdk/context.ts';
import { addValue, decodeValue, encodeScalar } from './value.ts';

/** Entries one behind the other; a per-CPU value is one value for each possible CPU, each padded to eight bytes. */
export interface MapBatch {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  /** Where the next batch begins; absent when this was the last one. */
  readonly next?: Uint8Array;
}

/** Bytes from one CPU's value to the next, or of the only one. */
export function valueStride({ type, valueBytes }: MapLayout): number {
  return type.includes('percpu') ? (valueBytes + 7) & ~7 : valueBytes;
}

/** What the supervisor does with one map; see `MapAccess`. */
export interface MapCalls {
  lookup(key: Uint8Array): Promise<Uint8Array | undefined>;
  batch(position: Uint8Array | undefined): Promise<MapBatch>;
  update(key: Uint8Array, value: Uint8Array): Promise<void>;
  delete(key: Uint8Array): Promise<boolean>;
}

export class KernelMap<Key, Value> implements BpfMap<Key, Value> {
  readonly #calls: MapCalls;
  readonly #layout: MapLayout;
  readonly #stride: number;

  constructor(layout: MapLayout, calls: MapCalls) {
    this.#calls = calls;
    this.#layout = layout;
    this.#stride = valueStride(layout);
  }

  async *entries(): AsyncGenerator<readonly [Key, Value]> {
    for await (const [key, values] of this.perCpuEntries()) yield [key, sum(values)];
  }

  async *perCpuEntries(): AsyncGenerator<readonly [Key, readonly Value[]]> {
    const { keyBytes, key } = this.#layout;
    for (let position: Uint8Array | undefined, more = true; more; more = position !== undefined) {
      const { count, keys, values, next } = await this.#calls.batch(position);
      const keyView = new DataView(keys.buffer, keys.byteOffset);
      const entryBytes = values.byteLength / count;
      for (let index = 0; index < count; index++) {
        const value = values.subarray(index * entryBytes, (index + 1) * entryBytes);
        yield [decodeValue(keyView, index * keyBytes, key) as Key, this.#values(value)];
      }
      position = next;
    }
  }

  async perCpu(key: Key): Promise<readonly Value[]> {
    const bytes = await this.#calls.lookup(this.#key(key));
    return bytes ? this.#values(bytes) : [];
  }

  async get(key: Key): Promise<Value | undefined> {
    const bytes = await this.#calls.lookup(this.#key(key));
    return bytes && sum(this.#values(bytes));
  }

  async set(key: Key, value: Value): Promise<void> {
    await this.#calls.update(this.#key(key), encodeScalar(value, this.#layout.valueBytes));
  }

  async delete(key: Key): Promise<boolean> {
    return this.#calls.delete(this.#key(key));
  }

  #key(key: Key): Uint8Array {
    return encodeScalar(key, this.#layout.keyBytes);
  }

  #values(bytes: Uint8Array): Value[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from(
      { length: bytes.byteLength / this.#stride },
      (_, cpu) => decodeValue(view, cpu * this.#stride, this.#layout.value) as Value,
    );
  }
}

function sum<Value>(values: readonly Value[]): Value {
  return values.reduce((total, value) => addValue(total, value) as Value);
}
