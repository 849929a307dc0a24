/** BPF maps as typed collections: the collector's side of src/kernel/map-access.ts. */

import { HuatuoError } from '../error.ts';
import type { MapLayout } from '../schema/manifest.ts';
import type { Container } from '../sdk/container.ts';
import type { BpfMap, ContainerEntry, Containers } from '../sdk/context.ts';
import { encodeValue } from './encode-value.ts';
import { decodeValue, foldValues } from './value.ts';

/** Entries one behind the other; a per-CPU value is one value for each possible CPU, each padded to eight bytes. */
export interface MapBatch {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  /** Where the next batch begins; absent when this was the last one. */
  readonly next?: Uint8Array;
}

/** @param position where the batch begins, as the one before has it in `next`; undefined for the first */
export type ReadBatch = (position: Uint8Array | undefined) => Promise<MapBatch>;

/** All of a map. */
export async function* batchesOf(read: ReadBatch): AsyncGenerator<MapBatch> {
  for (let position: Uint8Array | undefined, more = true; more; more = position !== undefined) {
    const batch = await read(position);
    yield batch;
    position = batch.next;
  }
}

/** The same in one list, which the whole map has to fit. */
export async function allBatches(read: ReadBatch): Promise<MapBatch[]> {
  const all: MapBatch[] = [];
  for await (const batch of batchesOf(read)) all.push(batch);
  return all;
}

/** Bytes from one CPU's value to the next, or of the only one. */
export function valueStride({ type, valueBytes }: MapLayout): number {
  return type.includes('percpu') ? (valueBytes + 7) & ~7 : valueBytes;
}

/** What the supervisor does with one map; see `MapAccess`. */
interface MapCalls {
  lookup(key: Uint8Array): Promise<Uint8Array | undefined>;
  readonly batch: ReadBatch;
  update(key: Uint8Array, value: Uint8Array): Promise<void>;
  delete(key: Uint8Array): Promise<boolean>;
}

export class KernelMap<Key, Value> implements BpfMap<Key, Value> {
  readonly layout: MapLayout;
  readonly #calls: MapCalls;
  readonly #containers: Pick<Containers, 'byCgroupId' | 'list'> | undefined;
  readonly #stride: number;
  readonly #first: MapBatch | undefined;

  /** @param first the first batch, when that has been read already */
  constructor(
    layout: MapLayout,
    calls: MapCalls,
    containers?: Pick<Containers, 'byCgroupId' | 'list'>,
    first?: MapBatch,
  ) {
    this.#first = first;
    this.layout = layout;
    this.#calls = calls;
    this.#containers = containers;
    this.#stride = valueStride(layout);
  }

  /** Whether all of it has been read already. */
  get isWhole(): boolean {
    return this.#first !== undefined && this.#first.next === undefined;
  }

  async *entries(): AsyncGenerator<readonly [Key, Value]> {
    for await (const [key, views] of this.raw()) yield [key, foldValues(views, this.layout.value) as Value];
  }

  async *perCpuEntries(): AsyncGenerator<readonly [Key, readonly Value[]]> {
    for await (const [key, views] of this.raw()) yield [key, this.#decoded(views)];
  }

  async byContainer(): Promise<readonly ContainerEntry<Key, Value>[]> {
    const containers = this.#containers;
    const cgroup = this.layout.key.find(({ format }) => format === 'cgroup_id');
    if (!cgroup || !containers) throw noCgroup(this.layout.name);
    const read: { key: Key; id: bigint; views: readonly DataView[] }[] = [];
    for await (const [key, views] of this.raw()) {
      const id = cgroup.name === '' ? key : (key as Record<string, unknown>)[cgroup.json];
      read.push({ key, id: id as bigint, views });
    }
    const owners = await Promise.all(read.map(({ id }) => containers.byCgroupId(id, cgroup.controller)));
    const live = new Map(containers.list().map((container) => [container.id, container]));
    const groups = new Map<string, { container: Container; key: Key; views: DataView[] }>();
    for (const [index, { key, views }] of read.entries()) {
      const container = live.get(owners[index]?.id ?? '');
      if (!container) continue;
      const rest = cgroup.name === '' ? '' : { ...(key as object), [cgroup.json]: '' };
      const group = `${container.id} ${JSON.stringify(rest, (_, part) => (typeof part === 'bigint' ? `${part}` : part))}`;
      const known = groups.get(group);
      // A container has a cgroup for each of its services, of which there may be thousands.
      if (known) known.views.push(...views);
      else groups.set(group, { container, key, views: [...views] });
    }
    return Array.from(groups.values(), ({ container, key, views }) => ({
      container,
      key,
      value: foldValues(views, this.layout.value) as Value,
    }));
  }

  async perCpu(key: Key): Promise<readonly Value[]> {
    const bytes = await this.#calls.lookup(this.#key(key));
    return bytes ? this.#decoded(this.#views(bytes)) : [];
  }

  async get(key: Key): Promise<Value | undefined> {
    const bytes = await this.#calls.lookup(this.#key(key));
    return bytes && (foldValues(this.#views(bytes), this.layout.value) as Value);
  }

  async set(key: Key, value: Value): Promise<void> {
    const { value: fields, valueBytes } = this.layout;
    await this.#calls.update(this.#key(key), encodeValue(value, fields, valueBytes));
  }

  async delete(key: Key): Promise<boolean> {
    return this.#calls.delete(this.#key(key));
  }

  /** Keys with the bytes of their value, one view for each CPU. */
  async *raw(): AsyncGenerator<readonly [Key, readonly DataView[]]> {
    const { keyBytes, key } = this.layout;
    const read: ReadBatch = async (position) =>
      (position === undefined && this.#first) || this.#calls.batch(position);
    for await (const { count, keys, values } of batchesOf(read)) {
      const keyView = new DataView(keys.buffer, keys.byteOffset);
      const entryBytes = values.byteLength / count;
      for (let index = 0; index < count; index++) {
        const value = values.subarray(index * entryBytes, (index + 1) * entryBytes);
        yield [decodeValue(keyView, index * keyBytes, key, 'key') as Key, this.#views(value)];
      }
    }
  }

  #key(key: Key): Uint8Array {
    return encodeValue(key, this.layout.key, this.layout.keyBytes);
  }

  #views(bytes: Uint8Array): DataView[] {
    const { valueBytes } = this.layout;
    return Array.from(
      { length: bytes.byteLength / this.#stride },
      (_, cpu) => new DataView(bytes.buffer, bytes.byteOffset + cpu * this.#stride, valueBytes),
    );
  }

  #decoded(views: readonly DataView[]): Value[] {
    return views.map((view) => decodeValue(view, 0, this.layout.value) as Value);
  }
}

function noCgroup(map: string): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: `a key with a cgroup id in map ${map}`,
    found: 'none',
    remedy: 'give the key, or one of its fields, the type cpu_cgroup_id, memory_cgroup_id or io_cgroup_id',
  });
}
