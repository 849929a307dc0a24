/**
 * Events of a memory cgroup, by the names of v2: memory.events, Documentation/admin-guide/cgroup-v2.rst. v1 counts few of
 * them, in files of their own: memory.oom_control, and memory.failcnt or, where memory and swap together are at their limit,
 * memory.memsw.failcnt, cgroup-v1/memory.rst. A charge that is refused is counted in one of the two.
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
  const hits = ['memory.failcnt', 'memory.memsw.failcnt'].flatMap(
    (file) => decimal(readIfThere(join(memory, file))?.trimEnd()) ?? [],
  );
  if (all === undefined && oom === undefined && hits.length === 0) return undefined;
  const max = hits.length > 0 && { max: hits.reduce((sum, count) => sum + count, 0) };
  return { ...max, ...parseFlatKeyed(oom ?? ''), ...events };
}
