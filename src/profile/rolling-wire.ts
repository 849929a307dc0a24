/** Entries of the maps of bpf/agent/profile_rolling.bpf.c, as bytes. */
import { viewOf } from '../bytes.ts';
import type { MapBatch } from '../decoder/maps.ts';
import { CGROUP_PATH, PROFILE_STACK, PROFILE_TOTAL, ROLLING_STACK } from '../generated/agent_structs.ts';
import type { CgroupHierarchy, ProfileSubject } from './protocol.ts';

/** Cgroups above a cgroup, by its id. */
export type CgroupPaths = ReadonlyMap<bigint, readonly bigint[]>;

export function cgroupPaths(batches: readonly MapBatch[]): CgroupPaths {
  return new Map(
    batches.flatMap(({ count, keys, values }) => {
      const [key, value] = [viewOf(keys), viewOf(values)];
      return Array.from({ length: count }, (_, index) => {
        const { length, item } = CGROUP_PATH.above;
        const at = index * CGROUP_PATH.size_bytes;
        const above = Array.from({ length }, (_, depth) => item(value, at, depth));
        return [key.getBigUint64(index * 8, true), above] as const;
      });
    }),
  );
}

/** A stack of a window. */
export interface RolledStack {
  /** `struct profile_stack` and `struct profile_total`. */
  readonly key: Uint8Array;
  readonly total: Uint8Array;
  readonly samples: number;
  readonly pid: number;
}

/** The entries of a batch that are of a subject. Copies: what is left out can be freed. */
export function stacksOf(
  { count, keys, values }: MapBatch,
  isOf: (cgroup: bigint) => boolean,
): RolledStack[] {
  const [key, value] = [viewOf(keys), viewOf(values)];
  return Array.from({ length: count }, (_, index) => index).flatMap((index) => {
    const at = index * ROLLING_STACK.size_bytes;
    if (!isOf(ROLLING_STACK.cgroup(key, at))) return [];
    const stack = at + ROLLING_STACK.stack.at;
    const total = index * PROFILE_TOTAL.size_bytes;
    return {
      key: keys.slice(stack, stack + PROFILE_STACK.size_bytes),
      total: values.slice(total, total + PROFILE_TOTAL.size_bytes),
      samples: Number(PROFILE_TOTAL.samples(value, total)),
      pid: PROFILE_STACK.process(key, stack),
    };
  });
}

/** As a map of an ordinary profile has them. */
export function toBatch(stacks: readonly RolledStack[]): MapBatch {
  return {
    count: stacks.length,
    keys: Buffer.concat(stacks.map(({ key }) => key)),
    values: Buffer.concat(stacks.map(({ total }) => total)),
  };
}

/** The hierarchy of the ids: stacks are counted by that of the controller cpu. Undefined when there are no stacks. */
export function hierarchyOf({ count, keys }: MapBatch): CgroupHierarchy | undefined {
  if (count === 0) return undefined;
  return ROLLING_STACK.is_unified(viewOf(keys), 0) === 1n ? 'unified' : 'cpu';
}

/**
 * Whether a stack's cgroup is of the subject: that cgroup itself, or one below it.
 * @returns undefined for subjects that these stacks cannot be told by
 */
export function membership(
  subject: ProfileSubject,
  paths: CgroupPaths,
  hierarchy: CgroupHierarchy | undefined,
): ((cgroup: bigint) => boolean) | undefined {
  if (subject.type === 'host') return () => true;
  if (subject.type !== 'cgroup') return undefined;
  const { inode } = subject;
  // With v2, its inode is the same whatever controller it is called by.
  if (hierarchy !== undefined && hierarchy !== 'unified' && subject.hierarchy !== hierarchy) return undefined;
  return (cgroup) => cgroup === inode || (paths.get(cgroup)?.includes(inode) ?? false);
}
