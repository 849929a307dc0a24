/** What each thread of the host is doing: /proc/PID/task/TID/stat, proc_pid_stat(5). */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isGone, readIfThere } from './source.ts';
import { parseTaskState } from './task-state.ts';

export interface Thread {
  readonly pid: number;
  readonly tid: number;
  /** Chosen by the thread. */
  readonly comm: string;
  /** `R`, `S`, `D` … as proc_pid_stat(5) has them. */
  readonly state: string;
}

const ID = /^[1-9]\d{0,9}$/;

/**
 * Reads each thread once, kernel threads too; what ends meanwhile is left out.
 * @param limit most threads that are looked at, 12 µs each; of those beyond nothing is known
 * @throws SOURCE_UNREADABLE
 */
export function readThreads(procfs: string, limit: number): Thread[] {
  const threads: Thread[] = [];
  for (const pid of idsIn(procfs)) {
    const directory = join(procfs, pid, 'task');
    for (const tid of idsIn(directory)) {
      if (threads.length >= limit) return threads;
      const stat = readIfThere(join(directory, tid, 'stat')) ?? '';
      const state = parseTaskState(stat);
      if (state === undefined) continue;
      const comm = stat.slice(stat.indexOf(' (') + 2, stat.lastIndexOf(') '));
      threads.push({ pid: Number(pid), tid: Number(tid), comm, state });
    }
  }
  return threads;
}

function idsIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => ID.test(name));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
