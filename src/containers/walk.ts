/** Walks one cgroup hierarchy: every directory, with its inode and its path as the kernel names it. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import type { Hierarchy } from '../procfs/cgroup-hierarchies.ts';
import { isGone } from '../procfs/source.ts';

const MAX_DEPTH = 16;
/** A hundred containers in each of two hundred pods. */
const MAX_DIRECTORIES = 20_000;

/** One cgroup. */
export interface Cgroup {
  /** `Hierarchy.number`. */
  readonly hierarchy: number;
  /** As a bigint: kernfs puts a generation into the upper half, beyond what a number holds exactly. */
  readonly inode: bigint;
  /** Below the root of its hierarchy; `/` is the root itself. */
  readonly path: string;
}

export interface Walk {
  /** Parents before their children. */
  readonly found: readonly Cgroup[];
  /** False when a bound stopped the walk. */
  readonly complete: boolean;
  /** The first directory that is there and does not let itself be read, with the reason. */
  readonly unreadable?: string;
}

/**
 * Breadth first, so that a bound cuts what is deepest. Directories that vanish meanwhile are skipped; symbolic links are
 * not followed.
 * @throws SOURCE_UNREADABLE when the mount point itself cannot be read
 */
export function walkHierarchy(
  { number, mountPoint, root }: Hierarchy,
  maxDirectories: number = MAX_DIRECTORIES,
): Walk {
  const found: Cgroup[] = [];
  let unreadable: string | undefined;
  const walk = (complete: boolean): Walk => ({
    found,
    complete,
    ...(unreadable !== undefined && { unreadable }),
  });
  let level = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return walk(false);
    const next: string[] = [];
    for (const path of level) {
      if (found.length >= maxDirectories) return walk(false);
      const directory = directoryOf({ mountPoint, root }, path);
      if (directory === undefined) continue;
      const names = subdirectories(directory, depth > 0, (reason) => {
        unreadable ??= reason;
      });
      const inode = inodeOf(directory);
      if (inode === undefined) continue;
      found.push({ hierarchy: number, inode, path });
      for (const name of names) next.push(join(path, name));
    }
    level = next;
  }
  return walk(true);
}

/**
 * Where a cgroup is in the file system; undefined when this process does not see that part of the hierarchy.
 * @param path below the root of the hierarchy
 */
export function directoryOf(
  { mountPoint, root }: Pick<Hierarchy, 'mountPoint' | 'root'>,
  path: string,
): string | undefined {
  if (root === '/') return join(mountPoint, path);
  return path === root || path.startsWith(`${root}/`) ? join(mountPoint, path.slice(root.length)) : undefined;
}

/** @returns undefined when it is not there, or its path is longer than any system call takes: whoever may make cgroups can nest them */
export function inodeOf(directory: string): bigint | undefined {
  try {
    return statSync(directory, { bigint: true, throwIfNoEntry: false })?.ino;
  } catch {
    return undefined;
  }
}

function subdirectories(path: string, mayVanish: boolean, onUnreadable: (reason: string) => void): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (cause) {
    if (mayVanish && !isGone(cause)) onUnreadable((cause as Error).message);
    if (mayVanish) return [];
    throw new HuatuoError('SOURCE_UNREADABLE', {
      expected: `to read ${path}`,
      found: (cause as Error).message,
      remedy: 'run the agent as root; containers stay as they were last seen until then',
      cause,
    });
  }
}
