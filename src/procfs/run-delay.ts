/**
 * How long the tasks of a cgroup have run, and have waited on run queues, from /proc/TID/schedstat:
 *
 *   <ns on a CPU> <ns on a run queue> <times it was put on a CPU>
 *
 * Time in which its cgroup was throttled is time on the run queue, too. Documentation/scheduler/sched-stats.rst;
 * CONFIG_SCHED_INFO, which schedstats and delay accounting select.
 */
import { join } from 'node:path';
import { cpuRanges } from './cgroup-cpu.ts';
import { idsBelow } from './cgroup-ids.ts';
import { onlineCpus } from './cpu-frequency.ts';
import { decimal, readIfThere } from './source.ts';

/** Of one cgroup: each costs a file. The ids come in order, so it is the same tasks the next time. */
const MAX_TASKS = 256;

/** Sums over tasks that live: they fall when one ends. */
export interface RunDelay {
  readonly wait_ns: number;
  readonly run_ns: number;
  readonly tasks: number;
}

/**
 * Of a cgroup with those below it; what ends meanwhile is left out.
 * @param cgroup absolute path of a v1 or v2 cgroup directory
 * @returns undefined when it has no tasks, or the kernel does not account
 * @throws SOURCE_UNREADABLE
 */
export function readRunDelay(procfs: string, cgroup: string): RunDelay | undefined {
  let [wait_ns, run_ns, tasks] = [0, 0, 0];
  for (const id of taskIds(cgroup)) {
    const [run, wait] = (readIfThere(join(procfs, id, 'schedstat')) ?? '').split(' ').map(decimal);
    if (run === undefined || wait === undefined) continue;
    run_ns += run;
    wait_ns += wait;
    tasks++;
  }
  return tasks === 0 ? undefined : { wait_ns, run_ns, tasks };
}

/**
 * What tasks may run on has the CPUs that could be plugged in, too: 128 on many a virtual machine of four.
 * @returns numbers of the CPUs that are online and that any of its tasks, of the first 256, may run on
 * @throws SOURCE_UNREADABLE
 */
export function allowedCpus(procfs: string, sysfs: string, cgroup: string): number[] {
  const lists = new Set<string>();
  for (const id of taskIds(cgroup)) {
    const status = readIfThere(join(procfs, id, 'status')) ?? '';
    // Names of tasks cannot hold a line break here: the kernel escapes it.
    const list = /^Cpus_allowed_list:\t(.+)$/m.exec(status)?.[1];
    if (list !== undefined) lists.add(list);
  }
  const ranges = [...lists].flatMap((list) => cpuRanges(list));
  return onlineCpus(sysfs).filter((cpu) => ranges.some(({ first, last }) => first <= cpu && cpu <= last));
}

function taskIds(cgroup: string): string[] {
  const ids: string[] = [];
  for (const id of idsBelow(cgroup, ['tasks', 'cgroup.threads'])) {
    if (ids.length >= MAX_TASKS) break;
    ids.push(id);
  }
  return ids;
}
