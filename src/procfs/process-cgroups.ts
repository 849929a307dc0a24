/** The cgroups that have processes in them, as those say it themselves: for what no look at the tree finds. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupMembership, parseCgroupMembership } from './cgroup-membership.ts';

/** Files read at a time; the newest processes are among the last. */
const MAX_PROCESSES = 8_192;
/** Outside of what this process's cgroup namespace shows: the path is relative, and names nothing here. */
const OUTSIDE = '/..';
/** Behind the path of a directory that is gone. */
const DELETED = ' (deleted)';

/**
 * @param procfs mount point of procfs
 * @returns each cgroup once, by hierarchy and path; nothing when procfs cannot be listed
 */
export function processCgroups(procfs: string): CgroupMembership[] {
  const found = new Map<string, CgroupMembership>();
  for (const pid of processIds(procfs).slice(-MAX_PROCESSES)) {
    for (const one of parseCgroupMembership(readIfThere(join(procfs, pid, 'cgroup'))).values()) {
      if (!one.path.startsWith(OUTSIDE) && !one.path.endsWith(DELETED))
        found.set(`${one.hierarchy} ${one.path}`, one);
    }
  }
  return [...found.values()];
}

function processIds(procfs: string): string[] {
  try {
    return readdirSync(procfs).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** A process may end at any moment; what is gone reads as nothing. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
