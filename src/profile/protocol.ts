/** What a profile needs of the main thread, which holds its BPF object (src/kernel/profile-owner.ts). */

import type { NamedFrame, ProcessMappings } from '../decoder/frame-places.ts';
import type { KernelSymbols } from '../decoder/kallsyms.ts';
import type { MapBatch } from '../decoder/maps.ts';
import type { ProfileKind } from '../sdk/profile.ts';
import type { RawProcess } from './wire.ts';

/** Whose stacks are taken. */
export type ProfileSubject =
  | { readonly type: 'host' }
  | { readonly type: 'processes'; readonly pids: readonly number[] }
  /** A cgroup and those below it; `hierarchy` by a controller that is in it, as ids of two hierarchies may be the same. */
  | { readonly type: 'cgroup'; readonly hierarchy: CgroupHierarchy; readonly inode: bigint };

/** Index: `enum profile_hierarchy` of bpf/include/profile.h. */
export const HIERARCHIES = ['unified', 'cpu', 'memory', 'io'] as const;
export type CgroupHierarchy = (typeof HIERARCHIES)[number];

export interface ProfileRequest {
  readonly kind: ProfileKind;
  readonly subject: ProfileSubject;
  /** Of `on_cpu`: how often each CPU is looked at. */
  readonly hz: number;
  /** Of `on_cpu`: the CPUs that are looked at; all without it. */
  readonly cpus?: readonly number[] | undefined;
  /** Of `allocations`: one of so many faults is taken. */
  readonly faultsPerSample: number;
}

/** How often a second the profile that never ends looks at each CPU. */
export const PRECAPTURE_HZ = 99;

/** What ran before a capture, out of the profile that never ends (src/kernel/rolling-profile.ts). */
export interface RolledProfile {
  readonly seconds: number;
  readonly started_unix_ns: bigint;
  /** Of the map `stacks`. */
  readonly stacks: readonly MapBatch[];
  readonly processes: readonly (readonly [number, RawProcess])[];
  /** Of those of them whose code is known. */
  readonly mappings: readonly ProcessMappings[];
  /** Of the subject. */
  readonly samples: number;
  /** Of the whole host, those for which there was no room. */
  readonly lost: number;
  readonly idle: number;
}

/** Of a profile; of what fills memory; and of what a disk does. */
export type ProfileMap =
  | 'stacks'
  | 'processes'
  | 'counts'
  | 'slab_stacks'
  | 'usages'
  | 'files'
  | 'in_flight'
  | 'losses';

export interface ProfileCalls {
  /**
   * Loads and attaches an object.
   * @returns its id, for the other calls
   * @throws as `KernelCalls.load` and `attach`; OVERLOADED when there are too many at once
   */
  profileStart(request: ProfileRequest): Promise<number>;
  /**
   * The same for what a disk does (bpf/agent/disk_activity.bpf.c).
   * @param device dev_t as the kernel has it: major << 20 | minor
   */
  diskStart(device: number): Promise<number>;
  /** Entries of a map as bytes, a few hundred at a time. */
  profileRead(id: number, map: ProfileMap, position?: Uint8Array): Promise<MapBatch>;
  /** Stops it; waits that still last are added. What it has counted is final then. */
  profileEnd(id: number): Promise<void>;
  /** Frees what the kernel holds for it; does nothing when that has been done. */
  profileFree(id: number): Promise<void>;
  /** What ran before this capture. @returns undefined when that was not watched, or not of this subject */
  profileBefore(): Promise<RolledProfile | undefined>;
  /** @returns undefined when they could not be read in time */
  kernelSymbols(newerThan: number): Promise<KernelSymbols | undefined>;
  /** @returns executable mappings of those processes that are still there; undefined when they could not be read in time */
  processMappings(processes: readonly number[]): Promise<readonly ProcessMappings[] | undefined>;
  /** @returns a name for each address; undefined when its files could not be read in time */
  processFrames(
    mappings: ProcessMappings,
    addresses: BigUint64Array,
  ): Promise<readonly NamedFrame[] | undefined>;
}
