/** The cgroup file systems of this host: one per v1 controller (or group of them), one for v2, or both. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import { type CgroupMembership, parseCgroupMembership } from '../procfs/cgroup-membership.ts';
import { type Mount, parseMountinfo, readMountinfo } from '../procfs/mountinfo.ts';

/** Controllers whose cgroups something here reads or whose ids BPF programs report. */
const CONTROLLERS: ReadonlySet<string> = new Set(['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio', 'pids']);

export interface Hierarchy {
  /** As in /proc/<pid>/cgroup and in BPF programs; 0 is v2. */
  readonly number: number;
  /** What is mounted there: v1 controllers, or `unified`. */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** Directory of the hierarchy that is mounted there: `/` unless this process sees only a part of it. */
  readonly root: string;
}

/**
 * Reads them; where none is mounted for this process, as the host's init sees them.
 * @param procfs mount point of procfs
 * @throws SOURCE_UNREADABLE when there is no cgroup file system
 */
export function readHierarchies(procfs: string): Hierarchy[] {
  const path = join(procfs, 'self');
  try {
    const own = parseCgroupMembership(readFileSync(join(path, 'cgroup'), 'utf8'));
    const found = findHierarchies(parseMountinfo(readMountinfo(procfs)), own);
    if (found.length > 0) return found;
    const ofInit = hierarchiesOfInit(procfs, own);
    if (ofInit.length > 0) return ofInit;
  } catch (cause) {
    throw new HuatuoError('SOURCE_UNREADABLE', {
      expected: `to read ${path}/mountinfo and ${path}/cgroup`,
      found: (cause as Error).message,
      remedy: 'set path.procfs to where procfs is mounted',
      cause,
    });
  }
  throw new HuatuoError('SOURCE_UNREADABLE', {
    expected: `a cgroup file system in ${path}/mountinfo`,
    found: 'none',
    remedy: "mount cgroup2, or the host's /sys/fs/cgroup into the agent's container",
  });
}

/** Through the root of process 1, which takes the host's pid namespace and the right to trace. */
function hierarchiesOfInit(procfs: string, own: ReadonlyMap<string, CgroupMembership>): Hierarchy[] {
  const init = join(procfs, '1');
  try {
    const mounts = parseMountinfo(readFileSync(join(init, 'mountinfo'), 'utf8'));
    return findHierarchies(mounts, own).map((hierarchy) => ({
      ...hierarchy,
      mountPoint: join(init, 'root', hierarchy.mountPoint),
    }));
  } catch {
    return [];
  }
}

/**
 * Picks one mount for each hierarchy. A hierarchy may be mounted more than once (containers get bind mounts of their
 * own part); the mount that shows the most of it is the one with the shortest root.
 * @param own where the numbers are from; a hierarchy that is not among them is left out
 */
export function findHierarchies(
  mounts: readonly Mount[],
  own: ReadonlyMap<string, CgroupMembership>,
): Hierarchy[] {
  const chosen = new Map<number, Hierarchy>();
  for (const { root, mountPoint, ...mount } of mounts.toSorted((a, b) => a.root.length - b.root.length)) {
    const controllers = controllersOf(mount);
    const number = controllers[0] === undefined ? undefined : own.get(controllers[0])?.hierarchy;
    if (number !== undefined && !chosen.has(number))
      chosen.set(number, { number, controllers, mountPoint, root });
  }
  return [...chosen.values()];
}

function controllersOf({ type, superOptions }: Pick<Mount, 'type' | 'superOptions'>): string[] {
  if (type === 'cgroup2') return ['unified'];
  return type === 'cgroup' ? superOptions.filter((option) => CONTROLLERS.has(option)) : [];
}
