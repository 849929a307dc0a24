// Generated from bpf/memory_free.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/** Key of the map `compactions`. */
export interface MemoryFreeCompactionsKey {
  /** [name; the number when it has none] */
  kind: 'direct' | 'background' | number;
}

/** Value of the map `compactions`. */
export interface MemoryFreeCompactionsValue {
  /** [count] */
  slots: number[];
  /** [count] */
  sum: number;
}

/** Value of the map `cgroups`. */
export interface MemoryFreeCgroupsValue {
  /** [nanoseconds] */
  stalled_ns: number;
}

/** What `ctx` of the collector `memory_free` knows of its object. */
export interface MemoryFreeObject {
  event: never;
  options: object;
  maps: {
    container_cgroups: MapOf<bigint, boolean>;
    compactions: MapOf<MemoryFreeCompactionsKey, MemoryFreeCompactionsValue>;
    cgroups: MapOf<bigint, MemoryFreeCgroupsValue>;
    cgroups_moved: MapOf<Uint8Array, Uint8Array>;
    compacting: MapOf<number, number>;
  };
}

export const memoryFree: ObjectBinding<MemoryFreeObject> = { object: 'memory_free' };
