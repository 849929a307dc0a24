/** Entries of the maps of bpf/agent/page_cache_growth.bpf.c and slab_growth.bpf.c, as bytes. */
import { textAt, viewOf } from '../bytes.ts';
import type { MapBatch } from '../decoder/maps.ts';
import type { CacheUse, SlabUse } from '../sdk/memory-growth.ts';
import { fileAt, type Paths } from './disk-wire.ts';

const COMM_BYTES = 16;
/** `struct cache_user`, `struct cache_usage`. */
const [CACHE_USER, CACHE_USAGE] = [24, 24];
/** `struct slab_user`, `struct slab_usage`. */
const [SLAB_USER, SLAB_USAGE] = [40, 32];
const CACHE_NAME_BYTES = 32;

export function rawCacheUses({ count, keys, values }: MapBatch, paths: Paths): CacheUse[] {
  const [key, value] = [viewOf(keys), viewOf(values)];
  return Array.from({ length: count }, (_, index) => ({
    pid: key.getUint32(index * CACHE_USER + 16, true),
    comm: textAt(values, index * CACHE_USAGE + 8, COMM_BYTES),
    file: fileAt(key, index * CACHE_USER, paths),
    bytes: Number(value.getBigUint64(index * CACHE_USAGE, true)),
  }));
}

export function rawSlabUses({ count, keys, values }: MapBatch): SlabUse[] {
  const [key, value] = [viewOf(keys), viewOf(values)];
  return Array.from({ length: count }, (_, index) => {
    const [at, counted] = [index * SLAB_USER, index * SLAB_USAGE];
    const object_bytes = key.getUint32(at + CACHE_NAME_BYTES, true);
    const allocated_bytes = Number(value.getBigUint64(counted, true));
    return {
      cache: textAt(keys, at, CACHE_NAME_BYTES) || `kmalloc-${object_bytes}`,
      object_bytes,
      pid: key.getUint32(at + CACHE_NAME_BYTES + 4, true),
      comm: textAt(values, counted + 16, COMM_BYTES),
      allocated_bytes,
      growth_bytes: Math.max(0, allocated_bytes - Number(value.getBigUint64(counted + 8, true))),
    };
  });
}

/** The one number in `losses`. */
export function rawLost({ values }: MapBatch): number {
  return Number(viewOf(values).getBigUint64(0, true));
}
