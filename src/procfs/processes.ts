/** Resident memory of processes, from /proc/PID/task/PID/stat: proc_pid_stat(5), fs/proc/array.c. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { idsBelow } from './cgroup-ids.ts';
import { pageSize } from './page-size.ts';
import { decimal, readIfThere } from './source.ts';

export interface ProcessMemory {
  readonly pid: number;
  /** Ticks since boot: a process id is given again, but not with the same start. */
  readonly started_ticks: number;
  /** Chosen by the process: any text of up to 15 bytes. */
  readonly comm: string;
  readonly rss_bytes: number;
}

export interface ProcessList {
  /** Those that have memory of their own: neither kernel threads nor zombies. */
  readonly processes: readonly ProcessMemory[];
  /** There were more than the limit, which are not among them. */
  readonly truncated: boolean;
}

/**
 * Reads the processes of a cgroup and of those below it; what ends meanwhile is left out.
 * @param cgroup absolute path of a v1 or v2 cgroup directory
 * @param limit most processes that are looked at
 * @throws SOURCE_UNREADABLE
 */
export function readCgroupProcesses(procfs: string, cgroup: string, limit: number): ProcessList {
  return read(procfs, new Set(idsBelow(cgroup, ['cgroup.procs'])), limit);
}

/** The same for all processes of the host. */
export function readHostProcesses(procfs: string, limit: number): ProcessList {
  return read(procfs, new Set(readdirSync(procfs).filter((name) => /^[1-9]\d{0,9}$/.test(name))), limit);
}

function read(procfs: string, pids: ReadonlySet<string>, limit: number): ProcessList {
  const page_bytes = pageSize(procfs);
  const processes: ProcessMemory[] = [];
  for (const pid of [...pids].slice(0, limit)) {
    // Below task/ the kernel does not sum up the times of all threads, which makes the read cheap in large processes.
    const found = parseProcessMemory(readIfThere(join(procfs, pid, 'task', pid, 'stat')) ?? '', page_bytes);
    if (found && found.rss_bytes > 0) processes.push(found);
  }
  return { processes, truncated: pids.size > limit };
}

/** Places behind the name, where field 3 is the first. */
const START_TIME = 22 - 3;
const RSS = 24 - 3;

/** @returns undefined for a cut text. The name in parentheses may hold anything, parentheses and newlines too. */
export function parseProcessMemory(stat: string, page_bytes: number): ProcessMemory | undefined {
  const open = stat.indexOf(' (');
  const close = stat.lastIndexOf(') ');
  if (open < 0 || close < open) return undefined;
  const fields = stat.slice(close + 2).split(' ');
  const pid = decimal(stat.slice(0, open));
  const started_ticks = decimal(fields[START_TIME]);
  const pages = decimal(fields[RSS]);
  if (pid === undefined || started_ticks === undefined || pages === undefined) return undefined;
  return { pid, started_ticks, comm: stat.slice(open + 2, close), rss_bytes: pages * page_bytes };
}
