/**
 * How much memory a cgroup uses, and how much it may.
 *
 *               v1 (memory hierarchy)                      v2
 *   usage       memory.usage_in_bytes                      memory.current
 *   peak        memory.max_usage_in_bytes                  memory.peak, Linux >= 5.19
 *   limit       memory.stat hierarchical_memory_limit      memory.max, of it and of those above it
 *   throttled   -                                          memory.high, likewise
 *   swap        memory.stat total_swap                     memory.swap.current
 *   swap limit  - (the limit is of memory and swap)        memory.swap.max, likewise
 *
 * Formats: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst.
 */
import { join } from 'node:path';
import { leastOf } from './cgroup-ancestors.ts';
import { UNLIMITED_BYTES } from './memory-cgroup.ts';
import { memoryStatValue } from './memory-stat.ts';
import { decimal, readIfThere } from './source.ts';

/** In bytes. What the kernel does not tell, and limits that are not set, are absent. */
export interface MemoryUsage {
  readonly usage: number;
  /** Usage without the page cache that was not used lately: what cannot be had back without harm, as kubelet reckons it. */
  readonly workingSet?: number;
  readonly peak?: number;
  readonly limit?: number;
  readonly throttleLimit?: number;
  readonly swap?: number;
  readonly swapLimit?: number;
}

/**
 * @param cgroups directories by controller, `unified` for v2
 * @returns undefined when it is gone, or has no memory controller
 * @throws SOURCE_UNREADABLE
 */
export function readMemoryUsage(cgroups: Readonly<Record<string, string>>): MemoryUsage | undefined {
  const { memory, unified } = cgroups;
  if (memory !== undefined) return readV1(memory);
  return unified === undefined ? undefined : readV2(unified);
}

function readV1(directory: string): MemoryUsage | undefined {
  const usage = bytesIn(directory, 'memory.usage_in_bytes');
  if (usage === undefined) return undefined;
  const stat = readStat(directory);
  const limit = memoryStatValue(stat, 'hierarchical_memory_limit');
  return defined({
    usage,
    workingSet: workingSet(usage, stat),
    peak: bytesIn(directory, 'memory.max_usage_in_bytes'),
    limit: limit !== undefined && limit < UNLIMITED_BYTES ? limit : undefined,
    swap: memoryStatValue(stat, 'swap'),
  });
}

function readV2(directory: string): MemoryUsage | undefined {
  const usage = bytesIn(directory, 'memory.current');
  if (usage === undefined) return undefined;
  return defined({
    usage,
    workingSet: workingSet(usage, readStat(directory)),
    peak: bytesIn(directory, 'memory.peak'),
    limit: leastOf(directory, 'memory.max'),
    throttleLimit: leastOf(directory, 'memory.high'),
    swap: bytesIn(directory, 'memory.swap.current'),
    swapLimit: leastOf(directory, 'memory.swap.max'),
  });
}

function readStat(directory: string): string {
  return readIfThere(join(directory, 'memory.stat')) ?? '';
}

function workingSet(usage: number, stat: string): number | undefined {
  const inactive = memoryStatValue(stat, 'inactive_file');
  // The two are not of one moment.
  return inactive === undefined ? undefined : Math.max(0, usage - inactive);
}

function bytesIn(directory: string, file: string): number | undefined {
  return decimal(readIfThere(join(directory, file))?.trimEnd());
}

function defined(usage: { readonly [K in keyof MemoryUsage]: MemoryUsage[K] | undefined }): MemoryUsage {
  return Object.fromEntries(
    Object.entries(usage).filter(([, bytes]) => bytes !== undefined),
  ) as unknown as MemoryUsage;
}
