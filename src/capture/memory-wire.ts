/** Entries of the maps of bpf/agent/page_cache_growth.bpf.c and slab_growth.bpf.c, as bytes. */
import { textAt, viewOf } from '../bytes.ts';
import type { MapBatch } from '../decoder/maps.ts';
import {
  CACHE_LOSSES,
  CACHE_USAGE,
  CACHE_USER,
  SLAB_LOSSES,
  SLAB_USAGE,
  SLAB_USER,
} from '../generated/agent_structs.ts';
import type { CacheUse, SlabUse } from '../sdk/memory-growth.ts';
import { fileAt, type Paths } from './disk-wire.ts';

export function rawCacheUses({ count, keys, values }: MapBatch, paths: Paths): CacheUse[] {
  const [key, value] = [viewOf(keys), viewOf(values)];
  return Array.from({ length: count }, (_, index) => {
    const [user, usage] = [index * CACHE_USER.size_bytes, index * CACHE_USAGE.size_bytes];
    return {
      pid: CACHE_USER.process(key, user),
      comm: textAt(values, usage + CACHE_USAGE.comm.at, CACHE_USAGE.comm.bytes),
      file: fileAt(key, user + CACHE_USER.file.at, paths),
      bytes: Number(CACHE_USAGE.bytes(value, usage)),
    };
  });
}

export function rawSlabUses({ count, keys, values }: MapBatch): SlabUse[] {
  const [key, value] = [viewOf(keys), viewOf(values)];
  return Array.from({ length: count }, (_, index) => {
    const [user, usage] = [index * SLAB_USER.size_bytes, index * SLAB_USAGE.size_bytes];
    const object_bytes = SLAB_USER.object_bytes(key, user);
    const allocated_bytes = Number(SLAB_USAGE.allocated_bytes(value, usage));
    return {
      cache: textAt(keys, user + SLAB_USER.cache.at, SLAB_USER.cache.bytes) || `kmalloc-${object_bytes}`,
      object_bytes,
      pid: SLAB_USER.process(key, user),
      comm: textAt(values, usage + SLAB_USAGE.comm.at, SLAB_USAGE.comm.bytes),
      allocated_bytes,
      growth_bytes: Math.max(0, allocated_bytes - Number(SLAB_USAGE.freed_bytes(value, usage))),
    };
  });
}

/** `losses` of page_cache_growth. */
export function rawLostAdditions({ values }: MapBatch): number {
  return Number(CACHE_LOSSES.additions(viewOf(values), 0));
}

/** `losses` of slab_growth. */
export function rawLostObjects({ values }: MapBatch): number {
  return Number(SLAB_LOSSES.objects(viewOf(values), 0));
}
