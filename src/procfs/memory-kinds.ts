/**
 * Memory by what may be done about it: anonymous memory, which nothing but its owner can give back; page cache, which the kernel
 * can; and its own objects (slab). Of the host, Documentation/filesystems/proc.rst, and of a cgroup,
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst. All count memory of tmpfs as anonymous and exclude swap.
 */
import { join } from 'node:path';
import { leastOf } from './cgroup-ancestors.ts';
import { parseMeminfo } from './meminfo.ts';
import { parseFlatKeyed, UNLIMITED_BYTES } from './memory-cgroup.ts';
import { decimal, malformed, readIfThere, readSource } from './source.ts';

export interface MemoryKinds {
  readonly anon_bytes: number;
  readonly file_bytes?: number;
  /** Of a v1 cgroup all memory of the kernel that is charged to it, of which slab is the most. */
  readonly slab_bytes?: number;
  /** What there is for all kinds of memory; absent when there is no limit. */
  readonly limit_bytes?: number;
}

/** @throws SOURCE_UNREADABLE */
export function readHostMemoryKinds(procfs: string): MemoryKinds {
  const path = join(procfs, 'meminfo');
  const text = readSource(path);
  const rows = parseMeminfo(text);
  const { 'Active(anon)': active, 'Inactive(anon)': inactive, MemTotal: limit_bytes } = rows;
  if (active === undefined || inactive === undefined || limit_bytes === undefined)
    throw malformed(path, 1, 'Active(anon), Inactive(anon) and MemTotal', text);
  const file = sum(rows['Active(file)'], rows['Inactive(file)']);
  return { anon_bytes: active + inactive, ...kinds(file, rows.Slab), limit_bytes };
}

/**
 * Of a cgroup with those below it. The limit is that of the cgroup or of one above it, whichever is less.
 * @param cgroups directories by controller, `unified` for v2
 * @returns undefined when it is gone, or has no memory controller
 * @throws SOURCE_UNREADABLE
 */
export function readCgroupMemoryKinds(cgroups: Readonly<Record<string, string>>): MemoryKinds | undefined {
  const { memory, unified } = cgroups;
  const directory = memory ?? unified;
  const text = directory && readIfThere(join(directory, 'memory.stat'));
  if (directory === undefined || text === undefined) return undefined;
  const stat = parseFlatKeyed(text);
  const at = memory ? 'total_' : '';
  const anon_bytes = sum(stat[`${at}active_anon`], stat[`${at}inactive_anon`]);
  if (anon_bytes === undefined) return undefined;
  const file = sum(stat[`${at}active_file`], stat[`${at}inactive_file`]);
  const slab = memory
    ? decimal(readIfThere(join(directory, 'memory.kmem.usage_in_bytes'))?.trim())
    : stat.slab;
  const limit_bytes = memory ? stat.hierarchical_memory_limit : leastOf(directory, 'memory.max');
  const isLimited = limit_bytes !== undefined && limit_bytes < UNLIMITED_BYTES;
  return { anon_bytes, ...kinds(file, slab), ...(isLimited && { limit_bytes }) };
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

function kinds(
  file_bytes: number | undefined,
  slab_bytes: number | undefined,
): Pick<MemoryKinds, 'file_bytes' | 'slab_bytes'> {
  return { ...(file_bytes !== undefined && { file_bytes }), ...(slab_bytes !== undefined && { slab_bytes }) };
}
