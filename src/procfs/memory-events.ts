/**
 * Events of a memory cgroup, by the names of v2: memory.events, Documentation/admin-guide/cgroup-v2.rst. v1 counts few of
 * them, in files of their own: memory.oom_control and memory.failcnt, cgroup-v1/memory.rst.
 */
import { join } from 'node:path';
import { parseFlatKeyed } from './memory-cgroup.ts';
import { decimal, readIfThere } from './source.ts';

/** Lines of memory.oom_control that are states. */
export const OOM_STATES: ReadonlySet<string> = new Set(['oom_kill_disable', 'under_oom']);

/**
 * @param cgroups directories by controller, `unified` for v2
 * @returns counts and `OOM_STATES` by name; undefined when it is gone, or has no memory controller
 * @throws SOURCE_UNREADABLE
 */
export function readMemoryEvents(
  cgroups: Readonly<Record<string, string>>,
): Readonly<Record<string, number>> | undefined {
  const { memory, unified } = cgroups;
  const directory = memory ?? unified;
  if (directory === undefined) return undefined;
  const all = readIfThere(join(directory, 'memory.events'));
  // A vendor's kernel has the file with v1, too.
  const events = all === undefined ? {} : parseFlatKeyed(all);
  if (memory === undefined) return all === undefined ? undefined : events;
  const oom = readIfThere(join(memory, 'memory.oom_control'));
  const hits = decimal(readIfThere(join(memory, 'memory.failcnt'))?.trimEnd());
  if (all === undefined && oom === undefined && hits === undefined) return undefined;
  return { ...(hits !== undefined && { max: hits }), ...parseFlatKeyed(oom ?? ''), ...events };
}
