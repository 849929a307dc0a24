/** Counts the tasks of a cgroup by state; /proc/PID/task/TID/stat: proc_pid_stat(5), fs/proc/array.c. */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isGone, readIfThere } from './source.ts';

export interface TaskCounts {
  readonly running: number;
  readonly uninterruptible: number;
  /** Tasks that were looked at. */
  readonly read: number;
}

/** Cgroups below a container that are visited: a container that runs systemd has a few dozen. */
const MAX_CGROUPS = 256;

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
  for (const tid of taskIds(cgroup)) {
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

function* taskIds(cgroup: string): Generator<string> {
  const queue = [cgroup];
  for (let visited = 0; visited < MAX_CGROUPS; visited++) {
    const directory = queue.shift();
    if (directory === undefined) return;
    // v2 lists threads in cgroup.threads, v1 in tasks.
    const list =
      readIfThere(join(directory, 'cgroup.threads')) ?? readIfThere(join(directory, 'tasks')) ?? '';
    yield* list.split('\n').filter((line) => /^[1-9]\d{0,9}$/.test(line));
    for (const entry of children(directory)) queue.push(join(directory, entry.name));
  }
}

function children(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
