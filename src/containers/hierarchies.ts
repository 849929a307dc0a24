/** The cgroup file systems of this host: one per v1 controller (or group of them), one for v2, or both. */
import type { Mount } from '../procfs/mountinfo.ts';

/** Controllers whose cgroups something here reads or whose ids BPF programs report. */
const CONTROLLERS: ReadonlySet<string> = new Set(['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio', 'pids']);

export interface Hierarchy {
  /** What is mounted there: v1 controllers, or `unified`. */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
}

/**
 * Picks one mount for each hierarchy. A hierarchy may be mounted more than once (containers get bind mounts of their
 * own part); the mount that shows the most of it is the one with the shortest root.
 */
export function findHierarchies(mounts: readonly Mount[]): Hierarchy[] {
  const chosen = new Map<string, Hierarchy>();
  for (const mount of mounts.toSorted((a, b) => a.root.length - b.root.length)) {
    const controllers = controllersOf(mount);
    const key = controllers.join();
    if (controllers.length > 0 && !chosen.has(key))
      chosen.set(key, { controllers, mountPoint: mount.mountPoint });
  }
  return [...chosen.values()];
}

function controllersOf({ type, superOptions }: Mount): string[] {
  if (type === 'cgroup2') return ['unified'];
  return type === 'cgroup' ? superOptions.filter((option) => CONTROLLERS.has(option)) : [];
}
