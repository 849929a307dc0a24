/** The process a container began with, as procfs shows it. */
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { TICKS_PER_SECOND } from './stat.ts';

export interface InitProcess {
  readonly pid: number;
  /** Inode of its network namespace. */
  readonly netnsInode: number;
  /** Seconds since boot. */
  readonly started_seconds: number;
  /** Whether it is process 1 of a pid namespace of its own; the runtime itself is not, which is in the cgroup first. */
  readonly isNamespaceInit: boolean;
}

/** Processes that are looked at. The kernel lists them by number, which says little of their age once numbers begin anew. */
const MAX_PIDS = 32;
const STATE_FIELDS = 2;
const START_TIME_FIELD = 22;

/**
 * Reads the processes of a cgroup and picks the container's init: the first one that is process 1 of a pid namespace of
 * its own, or the oldest one when the container shares the host's: others come and go.
 * @param cgroupDirectory absolute
 * @returns undefined while there is none, or it has just ended
 */
export function readInitProcess(procfs: string, cgroupDirectory: string): InitProcess | undefined {
  const pids = readText(join(cgroupDirectory, 'cgroup.procs')).split('\n').filter(Boolean).slice(0, MAX_PIDS);
  const first = pids.find((pid) => isNamespaceInit(readText(join(procfs, pid, 'status'))));
  const init = oldest(procfs, first === undefined ? pids : [first]);
  if (!init) return undefined;
  try {
    const netnsInode = parseNamespaceLink(readlinkSync(join(procfs, String(init.pid), 'ns/net')));
    return netnsInode === undefined
      ? undefined
      : { ...init, netnsInode, isNamespaceInit: first !== undefined };
  } catch {
    return undefined;
  }
}

/** @returns seconds since boot; undefined when there is no such process */
export function processStart(procfs: string, pid: number): number | undefined {
  return parseStartTime(readText(join(procfs, String(pid), 'stat')));
}

function oldest(
  procfs: string,
  pids: readonly string[],
): Pick<InitProcess, 'pid' | 'started_seconds'> | undefined {
  return pids
    .map(Number)
    .flatMap((pid) => {
      const started_seconds = processStart(procfs, pid);
      return started_seconds === undefined ? [] : [{ pid, started_seconds }];
    })
    .toSorted((a, b) => a.started_seconds - b.started_seconds)[0];
}

/** `NSpid:\t4711\t1`: one number for each pid namespace, the innermost last. */
export function isNamespaceInit(status: string): boolean {
  const [, pids] = /^NSpid:\t(.*)$/m.exec(status) ?? [];
  const numbers = pids?.split('\t') ?? [];
  return numbers.length > 1 && numbers.at(-1) === '1';
}

/** `net:[4026531840]`. */
export function parseNamespaceLink(link: string): number | undefined {
  const [, inode] = /^net:\[(\d+)\]$/.exec(link) ?? [];
  return inode === undefined ? undefined : Number(inode);
}

/** Field 22 of /proc/<pid>/stat, in seconds; the name before it may contain anything, so fields are counted behind it. */
export function parseStartTime(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[START_TIME_FIELD - STATE_FIELDS - 1]);
  return fields.length > START_TIME_FIELD - STATE_FIELDS - 1 && Number.isFinite(ticks)
    ? ticks / TICKS_PER_SECOND
    : undefined;
}

/** A process may end at any moment; what is gone reads as nothing. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
