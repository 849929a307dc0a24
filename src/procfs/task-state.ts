/** Counts the tasks of a cgroup by state; /proc/PID/task/TID/stat: proc_pid_stat(5), fs/proc/array.c. */
import { join } from 'node:path';
import { idsBelow } from './cgroup-ids.ts';
import { readIfThere } from './source.ts';

export interface TaskCounts {
  readonly running: number;
  readonly uninterruptible: number;
  /** Tasks that were looked at. */
  readonly read: number;
}

/** v2 lists threads in the first, v1 in the second. */
const TASK_LISTS = ['cgroup.threads', 'tasks'];

/**
 * Counts the tasks (threads) of a cgroup and of those below it.
 * @param cgroup absolute path of a v1 or v2 cgroup directory
 * @param limit most tasks that are looked at; the rest is not counted
 * @throws SOURCE_UNREADABLE for failures other than tasks or cgroups that have gone away meanwhile
 */
export function countTasks(procfs: string, cgroup: string, limit: number): TaskCounts {
  let running = 0;
  let uninterruptible = 0;
  let read = 0;
  for (const tid of idsBelow(cgroup, TASK_LISTS)) {
    if (read === limit) break;
    read++;
    // Below task/ the kernel does not sum up the times of all threads, which makes the read cheap in large processes.
    const state = parseTaskState(readIfThere(join(procfs, tid, 'task', tid, 'stat')) ?? '');
    if (state === 'R') running++;
    if (state === 'D') uninterruptible++;
  }
  return { running, uninterruptible, read };
}

/** @returns the state letter, or undefined for a cut text. The name before it may hold spaces, newlines and `)`. */
export function parseTaskState(stat: string): string | undefined {
  return /^\) ([A-Za-z])(?: |$)/.exec(stat.slice(stat.lastIndexOf(')')))?.[1];
}
