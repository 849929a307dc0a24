/** Entries of the maps of bpf/agent/profile_rolling.bpf.c, as bytes. */
import { viewOf } from '../bytes.ts';
import type { MapBatch } from '../decoder/maps.ts';
import type { CgroupHierarchy, ProfileSubject } from './protocol.ts';
import { STACK_BYTES, TOTAL_BYTES } from './wire.ts';

/** `struct rolling_stack`: a `struct profile_stack`, its cgroup, and whether that is one of v2. */
const ROLLING_BYTES = STACK_BYTES + 16;
/** `struct cgroup_path`. */
const ABOVE = 16;

/** Cgroups above a cgroup, by its id. */
export type CgroupPaths = ReadonlyMap<bigint, readonly bigint[]>;

export function cgroupPaths(batches: readonly MapBatch[]): CgroupPaths {
  return new Map(
    batches.flatMap(({ count, keys, values }) => {
      const [key, value] = [viewOf(keys), viewOf(values)];
      return Array.from({ length: count }, (_, index) => {
        const above = Array.from({ length: ABOVE }, (_, depth) =>
          value.getBigUint64((index * ABOVE + depth) * 8, true),
        );
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
    const at = index * ROLLING_BYTES;
    if (!isOf(key.getBigUint64(at + STACK_BYTES, true))) return [];
    return {
      key: keys.slice(at, at + STACK_BYTES),
      total: values.slice(index * TOTAL_BYTES, (index + 1) * TOTAL_BYTES),
      samples: Number(value.getBigUint64(index * TOTAL_BYTES, true)),
      pid: key.getUint32(at, true),
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
  return viewOf(keys).getBigUint64(STACK_BYTES + 8, true) === 1n ? 'unified' : 'cpu';
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
