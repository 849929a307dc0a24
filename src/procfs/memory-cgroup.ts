/**
 * State of a memory cgroup: usage, limit, statistics. Files and formats: Documentation/admin-guide/cgroup-v2.rst and
 * cgroup-v1/memory.rst. For an OOM document it is looked up by task, not by walking the tree: the work for one kill is a
 * handful of reads however many cgroups the host has.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readHierarchies } from './cgroup-hierarchies.ts';
import { parseCgroupMembership } from './cgroup-membership.ts';
import { decimal, readIfThere } from './source.ts';

export interface MemoryCgroup {
  /** Absolute. */
  readonly directory: string;
  readonly state: MemoryCgroupState;
}

export interface MemoryCgroupState {
  /** Path below the mount point of the hierarchy. */
  readonly path: string;
  /** Bytes charged now. */
  readonly current?: number;
  /** Limit in bytes; absent when there is none. */
  readonly max?: number;
  /** memory.stat, as the kernel names and counts it. */
  readonly stat: Readonly<Record<string, number>>;
  /** v2: memory.events; v1: memory.oom_control and memory.failcnt. */
  readonly events: Readonly<Record<string, number>>;
}

/** A limit this large is the kernel's way to say none (v1). */
export const UNLIMITED_BYTES: number = 2 ** 62;

/**
 * The memory cgroup a task is in, or was in when the event was made: v1 shows a task that is exiting in the root cgroup,
 * and a process id may be another task's by now, so the directory must be the one the event names.
 * @param procfs mount point of procfs
 * @param pid process id in the agent's pid namespace
 * @param cgroupId inode of the task's memory cgroup, from the event
 * @param known where the cgroup of a task that is gone already may be: the directories of its container, by controller, or
 *   a path below the mount point of its hierarchy
 * @returns undefined when neither the task nor its cgroup is there any more
 */
export function readMemoryCgroup(
  procfs: string,
  pid: number,
  cgroupId: bigint,
  known: Readonly<Record<string, string>> | string | undefined,
): MemoryCgroup | undefined {
  const membership = parseCgroupMembership(readIfThere(join(procfs, String(pid), 'cgroup')) ?? '');
  for (const { controllers, mountPoint } of readHierarchies(procfs)) {
    const controller = controllers.find((name) => name === 'memory' || name === 'unified');
    if (!controller) continue;
    const paths = [membership.get(controller)?.path, typeof known === 'string' ? known : undefined];
    const directory =
      paths
        .filter((path) => path !== undefined)
        .map((path) => join(mountPoint, path))
        .find((candidate) => inodeOf(candidate) === cgroupId) ??
      (typeof known === 'object' ? known[controller] : undefined);
    const state =
      directory && readDirectory(directory, directory.slice(mountPoint.length), controller === 'unified');
    if (state) return { directory, state };
  }
  return undefined;
}

function inodeOf(directory: string): bigint | undefined {
  return statSync(directory, { bigint: true, throwIfNoEntry: false })?.ino;
}

function readDirectory(directory: string, path: string, unified: boolean): MemoryCgroupState | undefined {
  const file = (name: string): string | undefined => readIfThere(join(directory, name));
  const current = decimal(file(unified ? 'memory.current' : 'memory.usage_in_bytes')?.trim());
  if (current === undefined) return undefined;
  const max = decimal(file(unified ? 'memory.max' : 'memory.limit_in_bytes')?.trim());
  const events = unified
    ? parseFlatKeyed(file('memory.events') ?? '')
    : {
        ...parseFlatKeyed(file('memory.oom_control') ?? ''),
        failcnt: decimal(file('memory.failcnt')?.trim()) ?? 0,
      };
  return {
    path,
    current,
    ...(max !== undefined && max < UNLIMITED_BYTES && { max }),
    stat: withoutUnlimited(parseFlatKeyed(file('memory.stat') ?? '')),
    events,
  };
}

/** v1 has limits among its statistics. */
function withoutUnlimited(rows: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(rows).filter(([, value]) => value < UNLIMITED_BYTES));
}

/** `name number` on each line; lines of another shape are skipped. */
export function parseFlatKeyed(text: string): Record<string, number> {
  const rows: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [name, number] = line.split(' ', 2);
    const value = decimal(number);
    if (name && value !== undefined) rows[name] = value;
  }
  return rows;
}
