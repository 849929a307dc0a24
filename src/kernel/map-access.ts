/** The maps of one loaded object as bytes, for whoever knows their layout in another thread (src/decoder/maps.ts). */

import { type MapBatch, valueStride } from '../decoder/maps.ts';
import { HuatuoError } from '../error.ts';
import type { MapLayout } from '../schema/manifest.ts';
import { errnoName, libbpf } from './libbpf.ts';

/** Entries asked for in one batch call. A bucket that holds more makes the kernel answer ENOSPC; then it is doubled. */
const BATCH_ENTRIES = 256;
const MAX_BATCH_ENTRIES = 1 << 16;
/** Of an array's key. */
const INDEX_BYTES = Uint32Array.BYTES_PER_ELEMENT;
const ENOENT = 2;
const ENOSPC = 28;

/** What one batch call may fill is far more than most maps hold, so it is not allocated for each. */
let room = new Uint8Array(0);
/** A larger one is given back after its call. */
const MAX_ROOM_BYTES = 1 << 20;

function scratch(bytes: number): Uint8Array {
  if (bytes <= room.byteLength) return room;
  const larger = new Uint8Array(bytes);
  if (bytes <= MAX_ROOM_BYTES) room = larger;
  return larger;
}

export class MapAccess {
  readonly #fd: number;
  readonly #layout: MapLayout;
  readonly #entryBytes: number;

  /** @param fd belongs to the object and must stay open */
  constructor(fd: number, layout: MapLayout) {
    this.#fd = fd;
    this.#layout = layout;
    const cpus = layout.type.includes('percpu') ? libbpf().libbpf_num_possible_cpus() : 1;
    this.#entryBytes = valueStride(layout) * cpus;
  }

  /** @returns undefined when there is no such entry. @throws SYSCALL_FAILED */
  lookup(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#entryBytes);
    const result = libbpf().bpf_map_lookup_elem(this.#fd, this.#key(key), value);
    if (result === -ENOENT) return undefined;
    if (result < 0) throw this.#error('read', errnoName(result));
    return value;
  }

  /**
   * The entries from a position on, a few hundred at a time. What is added or removed between two batches may be missed or
   * seen; an entry that stays is seen.
   * @param position `next` of the batch before; undefined for the first
   * @throws SYSCALL_FAILED
   */
  batch(position: Uint8Array | undefined): MapBatch {
    return this.#layout.type.endsWith('array') ? this.#arrayBatch(position) : this.#hashBatch(position);
  }

  /** The same, of a hash, and removes them. What programs add meanwhile may stay. @throws SYSCALL_FAILED */
  take(position: Uint8Array | undefined): MapBatch {
    return this.#hashBatch(position, 'bpf_map_lookup_and_delete_batch');
  }

  /** @throws SYSCALL_FAILED, also for a per-CPU map, which only programs write */
  update(key: Uint8Array, value: Uint8Array): void {
    if (this.#layout.type.includes('percpu'))
      throw this.#error('write', 'a per-CPU map, which only programs write');
    if (value.byteLength !== this.#entryBytes) throw this.#error('write', `${value.byteLength} bytes`);
    const result = libbpf().bpf_map_update_elem(this.#fd, this.#key(key), value, 0);
    if (result < 0) throw this.#error('write', errnoName(result));
  }

  /** @returns false when there is no such entry. @throws SYSCALL_FAILED */
  delete(key: Uint8Array): boolean {
    const result = libbpf().bpf_map_delete_elem(this.#fd, this.#key(key));
    if (result < 0 && result !== -ENOENT) throw this.#error('delete from', errnoName(result));
    return result >= 0;
  }

  /**
   * An element at a time: a batch call of arrays costs more than the look-ups of the few elements they have. The kernel writes to
   * where the answer has them, since to make a buffer for each costs as much as the call.
   */
  #arrayBatch(position: Uint8Array | undefined): MapBatch {
    const { maxEntries } = this.#layout;
    const first = position ? new DataView(position.buffer, position.byteOffset).getUint32(0, true) : 0;
    const count = Math.min(BATCH_ENTRIES, maxEntries - first);
    const indices = Uint32Array.from({ length: count }, (_, index) => first + index);
    const keys = new Uint8Array(indices.buffer);
    const values = new Uint8Array(count * this.#entryBytes);
    for (let index = 0; index < count; index++) {
      const key = keys.subarray(index * INDEX_BYTES, (index + 1) * INDEX_BYTES);
      const value = values.subarray(index * this.#entryBytes, (index + 1) * this.#entryBytes);
      const result = libbpf().bpf_map_lookup_elem(this.#fd, key, value);
      if (result < 0 && result !== -ENOENT) throw this.#error('read', errnoName(result));
    }
    const end = first + count;
    const more = end < maxEntries && { next: new Uint8Array(Uint32Array.of(end).buffer) };
    return { count, keys, values, ...more };
  }

  #hashBatch(
    position: Uint8Array | undefined,
    call: 'bpf_map_lookup_batch' | 'bpf_map_lookup_and_delete_batch' = 'bpf_map_lookup_batch',
  ): MapBatch {
    const { keyBytes } = this.#layout;
    for (let capacity = BATCH_ENTRIES; ; capacity *= 2) {
      const keysAt = capacity * this.#entryBytes;
      const room = scratch(keysAt + capacity * keyBytes);
      const [values, keys] = [room.subarray(0, keysAt), room.subarray(keysAt)];
      // The kernel's cursor: a u32 bucket number for hashes, a key for other types.
      const next = new Uint8Array(Math.max(8, keyBytes));
      const counted = Uint32Array.of(capacity);
      const result = libbpf()[call](this.#fd, position ?? null, next, keys, values, counted, null);
      if (result === -ENOSPC && capacity < MAX_BATCH_ENTRIES) continue;
      if (result < 0 && result !== -ENOENT) throw this.#error('read', errnoName(result));
      const count = counted[0]!;
      return {
        count,
        keys: keys.slice(0, count * keyBytes),
        values: values.slice(0, count * this.#entryBytes),
        ...(result !== -ENOENT && { next }),
      };
    }
  }

  /** The kernel reads as many bytes as the map's keys have, whatever it is given. */
  #key(key: Uint8Array): Uint8Array {
    if (key.byteLength !== this.#layout.keyBytes)
      throw this.#error('use', `a key of ${key.byteLength} bytes`);
    return key;
  }

  #error(verb: string, found: string): HuatuoError {
    return new HuatuoError('SYSCALL_FAILED', {
      expected: `to ${verb} map ${this.#layout.name}`,
      found,
      remedy: 'check that the collector declares the map as it uses it',
    });
  }
}
