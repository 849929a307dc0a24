/**
 * Anonymous memory, which nothing but its owner can give back: of the host, Documentation/filesystems/proc.rst, and of a
 * cgroup, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst. Both count memory of tmpfs and exclude swap.
 */
import { join } from 'node:path';
import { leastOf } from './cgroup-ancestors.ts';
import { parseMeminfo } from './meminfo.ts';
import { parseFlatKeyed, UNLIMITED_BYTES } from './memory-cgroup.ts';
import { malformed, readIfThere, readSource } from './source.ts';

export interface AnonMemory {
  readonly used_bytes: number;
  /** What there is for all kinds of memory; absent when there is no limit. */
  readonly limit_bytes?: number;
}

/** @throws SOURCE_UNREADABLE */
export function readHostAnonMemory(procfs: string): AnonMemory {
  const path = join(procfs, 'meminfo');
  const text = readSource(path);
  const rows = parseMeminfo(text);
  const { 'Active(anon)': active, 'Inactive(anon)': inactive, MemTotal: limit_bytes } = rows;
  if (active === undefined || inactive === undefined || limit_bytes === undefined)
    throw malformed(path, 1, 'Active(anon), Inactive(anon) and MemTotal', text);
  return { used_bytes: active + inactive, limit_bytes };
}

/**
 * Of a cgroup with those below it. The limit is that of the cgroup or of one above it, whichever is less.
 * @param cgroups directories by controller, `unified` for v2
 * @returns undefined when it is gone, or has no memory controller
 * @throws SOURCE_UNREADABLE
 */
export function readCgroupAnonMemory(cgroups: Readonly<Record<string, string>>): AnonMemory | undefined {
  const { memory, unified } = cgroups;
  const directory = memory ?? unified;
  const text = directory && readIfThere(join(directory, 'memory.stat'));
  if (directory === undefined || text === undefined) return undefined;
  const stat = parseFlatKeyed(text);
  const [active, inactive] = memory
    ? [stat.total_active_anon, stat.total_inactive_anon]
    : [stat.active_anon, stat.inactive_anon];
  if (active === undefined || inactive === undefined) return undefined;
  const limit_bytes = memory ? stat.hierarchical_memory_limit : leastOf(directory, 'memory.max');
  const isLimited = limit_bytes !== undefined && limit_bytes < UNLIMITED_BYTES;
  return { used_bytes: active + inactive, ...(isLimited && { limit_bytes }) };
}
