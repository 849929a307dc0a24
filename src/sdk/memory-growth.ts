/** What fills memory during a capture that is not of processes: page cache, and objects of the kernel. */
import type { DiskFile } from './disks.ts';
import type { Profile } from './profile.ts';

/** What one process has added to the page cache of one file, by reading, writing or touching it. */
export interface CacheUse {
  readonly pid: number;
  /** Chosen by the process. */
  readonly comm: string;
  /** Undefined when it could not be told. */
  readonly file: DiskFile | undefined;
  readonly bytes: number;
}

/** Objects of one cache of the kernel that one process had made. Estimated, from one object of sixteen. */
export interface SlabUse {
  /** As in /proc/slabinfo; of kmalloc() `kmalloc-` and the size. */
  readonly cache: string;
  readonly object_bytes: number;
  readonly pid: number;
  /** Chosen by the process. */
  readonly comm: string;
  readonly allocated_bytes: number;
  /** Of them, what was not freed. */
  readonly growth_bytes: number;
}

/** Plain data. */
export interface CacheGrowth {
  /** The functions that filled it, in bytes. */
  readonly profile: Profile;
  /** Most bytes first. */
  readonly users: readonly CacheUse[];
}

/** Plain data. */
export interface SlabGrowth {
  /** The functions that had objects made that were not freed, in bytes. */
  readonly profile: Profile;
  /** Most growth first. */
  readonly users: readonly SlabUse[];
}

/**
 * Of a capture's subject. Each loads a BPF object, as a profile does, with the same limits: from 0.1 to 60 s, less when the
 * capture's deadline comes first.
 * @throws as `Profiles`
 */
export interface MemoryGrowth {
  /** Linux >= 5.16. */
  pageCache(options: { readonly seconds: number }): Promise<CacheGrowth>;
  /** Linux >= 6.1. */
  slab(options: { readonly seconds: number }): Promise<SlabGrowth>;
}
