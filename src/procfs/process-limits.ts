/** How many processes, threads and open files there are, and may be, on the host and in a cgroup. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseFlatKeyed } from './memory-cgroup.ts';
import { decimal, readIfThere } from './source.ts';

/** What the kernel does not say is absent. */
export interface HostLimits {
  readonly threads?: number;
  /** kernel.threads-max */
  readonly maxThreads?: number;
  /** kernel.pid_max: processes and threads have numbers below it. */
  readonly maxPids?: number;
  /** Open files of all processes. */
  readonly files?: number;
  /** fs.file-max */
  readonly maxFiles?: number;
}

export interface CgroupPids {
  /** Processes and threads. */
  readonly current: number;
  /** Absent when there is none. */
  readonly max?: number;
  /** How often a fork failed at the limit. */
  readonly refused?: number;
}

/** @throws SOURCE_UNREADABLE */
export function readHostLimits(procfs: string): HostLimits {
  const file = (path: string): string | undefined => readIfThere(join(procfs, path))?.trim();
  const [files, , maxFiles] = file('sys/fs/file-nr')?.split(/\s+/) ?? [];
  const values: Record<keyof HostLimits, number | undefined> = {
    threads: parseThreads(file('loadavg') ?? ''),
    maxThreads: decimal(file('sys/kernel/threads-max')),
    maxPids: decimal(file('sys/kernel/pid_max')),
    files: decimal(files),
    maxFiles: decimal(maxFiles),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** The fourth word of /proc/loadavg is `runnable/all`: fs/proc/loadavg.c. */
export function parseThreads(loadavg: string): number | undefined {
  return decimal(/^\S+ \S+ \S+ \d+\/(\d+)(?: |$)/.exec(loadavg)?.[1]);
}

/** Processes that have a directory there. */
export function countProcesses(procfs: string): number {
  return readdirSync(procfs).filter((name) => decimal(name) !== undefined).length;
}

/**
 * pids.current, pids.max and pids.events: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/pids.rst.
 * @param cgroups directories by controller, `unified` for v2
 * @returns undefined when neither hierarchy counts them
 * @throws SOURCE_UNREADABLE
 */
export function readCgroupPids(cgroups: Readonly<Record<string, string>>): CgroupPids | undefined {
  const directory = cgroups.pids ?? cgroups.unified;
  if (directory === undefined) return undefined;
  const file = (name: string): string | undefined => readIfThere(join(directory, name));
  const current = decimal(file('pids.current')?.trim());
  if (current === undefined) return undefined;
  const max = decimal(file('pids.max')?.trim());
  const refused = parseFlatKeyed(file('pids.events') ?? '').max;
  return { current, ...(max !== undefined && { max }), ...(refused !== undefined && { refused }) };
}
