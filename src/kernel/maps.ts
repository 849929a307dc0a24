/** BPF maps as typed collections. Hashes are read with the batch calls, per-CPU values as one value for each CPU or summed. */
import type { MapLayout } from '../build/manifest.ts';
import { HuatuoError } from '../error.ts';
import type { BpfMap } from '../sdk/context.ts';
import { errnoName, libbpf } from './libbpf.ts';
import { addValue, decodeValue, encodeScalar } from './value.ts';

/** Entries asked for in one batch call. A bucket that holds more makes the kernel answer ENOSPC; then it is doubled. */
const BATCH_ENTRIES = 256;
const MAX_BATCH_ENTRIES = 1 << 16;
const ENOENT = 2;
const ENOSPC = 28;

export class KernelMap<Key, Value> implements BpfMap<Key, Value> {
  readonly #fd: number;
  readonly #layout: MapLayout;
  readonly #cpus: number;
  /** Per-CPU values are padded to eight bytes by the kernel. */
  readonly #stride: number;

  /** @param fd belongs to the object and must stay open */
  constructor(fd: number, layout: MapLayout) {
    this.#fd = fd;
    this.#layout = layout;
    const perCpu = layout.type.includes('percpu');
    this.#cpus = perCpu ? libbpf().libbpf_num_possible_cpus() : 1;
    this.#stride = perCpu ? (layout.valueBytes + 7) & ~7 : layout.valueBytes;
  }

  *entries(): Generator<readonly [Key, Value]> {
    if (this.#layout.type.endsWith('array')) yield* this.#arrayEntries();
    else yield* this.#hashEntries();
  }

  perCpu(key: Key): readonly Value[] {
    const bytes = this.#lookup(key);
    return bytes ? this.#values(new DataView(bytes.buffer), 0) : [];
  }

  get(key: Key): Value | undefined {
    const bytes = this.#lookup(key);
    return bytes && this.#sum(new DataView(bytes.buffer), 0);
  }

  set(key: Key, value: Value): void {
    const { name, keyBytes, valueBytes } = this.#layout;
    if (this.#cpus > 1) throw mapError(name, 'write', 'a per-CPU map, which only programs write');
    const result = libbpf().bpf_map_update_elem(
      this.#fd,
      encodeScalar(key, keyBytes),
      encodeScalar(value, valueBytes),
      0,
    );
    if (result < 0) throw mapError(name, 'write', errnoName(result));
  }

  delete(key: Key): boolean {
    const result = libbpf().bpf_map_delete_elem(this.#fd, encodeScalar(key, this.#layout.keyBytes));
    if (result < 0 && result !== -ENOENT) throw mapError(this.#layout.name, 'delete from', errnoName(result));
    return result >= 0;
  }

  *#arrayEntries(): Generator<readonly [Key, Value]> {
    for (let index = 0; index < this.#layout.maxEntries; index++) {
      const value = this.get(index as Key);
      if (value !== undefined) yield [index as Key, value];
    }
  }

  *#hashEntries(): Generator<readonly [Key, Value]> {
    const { keyBytes, key: keyFields } = this.#layout;
    const valueBytes = this.#stride * this.#cpus;
    let capacity = BATCH_ENTRIES;
    let position: Uint8Array | null = null;
    for (;;) {
      const keys = new Uint8Array(capacity * keyBytes);
      const values = new Uint8Array(capacity * valueBytes);
      // The kernel's cursor: a u32 bucket number for hashes, a key for other types.
      const next = new Uint8Array(Math.max(8, keyBytes));
      const count = Uint32Array.of(capacity);
      const result = libbpf().bpf_map_lookup_batch(this.#fd, position, next, keys, values, count, null);
      if (result === -ENOSPC && capacity < MAX_BATCH_ENTRIES) {
        capacity *= 2;
        continue;
      }
      if (result < 0 && result !== -ENOENT) throw mapError(this.#layout.name, 'read', errnoName(result));
      const keyView = new DataView(keys.buffer);
      const valueView = new DataView(values.buffer);
      for (let index = 0; index < count[0]!; index++) {
        yield [
          decodeValue(keyView, index * keyBytes, keyFields) as Key,
          this.#sum(valueView, index * valueBytes),
        ];
      }
      if (result === -ENOENT) return;
      position = next;
    }
  }

  #lookup(key: Key): Uint8Array | undefined {
    const value = new Uint8Array(this.#stride * this.#cpus);
    const result = libbpf().bpf_map_lookup_elem(this.#fd, encodeScalar(key, this.#layout.keyBytes), value);
    if (result === -ENOENT) return undefined;
    if (result < 0) throw mapError(this.#layout.name, 'read', errnoName(result));
    return value;
  }

  #values(view: DataView, start: number): Value[] {
    return Array.from(
      { length: this.#cpus },
      (_, cpu) => decodeValue(view, start + cpu * this.#stride, this.#layout.value) as Value,
    );
  }

  #sum(view: DataView, start: number): Value {
    return this.#values(view, start).reduce((sum, value) => addValue(sum, value) as Value);
  }
}

function mapError(name: string, verb: string, found: string): HuatuoError {
  return new HuatuoError('SYSCALL_FAILED', {
    expected: `to ${verb} map ${name}`,
    found,
    remedy: 'check that the collector declares the map as it uses it',
  });
}
