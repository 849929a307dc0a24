/** What each thread of the host is doing: /proc/PID/task/TID/stat, proc_pid_stat(5). */
import { join } from 'node:path';
import { namesIn, readIfThere } from './source.ts';
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

export interface Threads {
  readonly threads: readonly Thread[];
  /** Processes of which threads were left out. */
  readonly cut: number;
}

/**
 * Reads each thread once, kernel threads too; what ends meanwhile is left out.
 * @param limit most threads that are looked at, 12 µs each; of those beyond nothing is known
 * @param isFirst for processes whose threads are looked at before those of others
 * @throws SOURCE_UNREADABLE
 */
export function readThreads(procfs: string, limit: number, isFirst: (pid: number) => boolean): Threads {
  const threads: Thread[] = [];
  const { first = [], others = [] } = Object.groupBy(idsIn(procfs), (pid) =>
    isFirst(Number(pid)) ? 'first' : 'others',
  );
  const pids = [...first, ...others];
  for (const [index, pid] of pids.entries()) {
    const directory = join(procfs, pid, 'task');
    for (const tid of idsIn(directory)) {
      if (threads.length >= limit) return { threads, cut: pids.length - index };
      const stat = readIfThere(join(directory, tid, 'stat')) ?? '';
      const state = parseTaskState(stat);
      if (state === undefined) continue;
      const comm = stat.slice(stat.indexOf(' (') + 2, stat.lastIndexOf(') '));
      threads.push({ pid: Number(pid), tid: Number(tid), comm, state });
    }
  }
  return { threads, cut: 0 };
}

function idsIn(directory: string): string[] {
  return namesIn(directory)
    .filter((name) => ID.test(name))
    .sort((a, b) => Number(a) - Number(b));
}
