/** Walks one cgroup hierarchy for container directories. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { containerId } from './identify.ts';

const MAX_DEPTH = 10;
const MAX_DIRECTORIES = 20_000;

/** A directory in or below a container's cgroup. */
export interface ContainerDirectory {
  readonly id: string;
  /** The container's own directory, where its limits are: the outermost one with its id. */
  readonly top: string;
  readonly path: string;
  readonly inode: bigint;
}

export interface Walk {
  /** Each container's top before what is below it. */
  readonly found: readonly ContainerDirectory[];
  /** False when a bound stopped the walk. */
  readonly complete: boolean;
}

/** A directory whose children are still to be read; `id` and `top` are those of the container around it. */
type Pending = { readonly path: string; readonly id?: string; readonly top?: string };

/**
 * Breadth first, so that a bound cuts what is deepest. A directory without an id of its own belongs to the container
 * around it; one with another id is a container inside that container (kind, docker in docker) and stands for itself.
 * Directories that vanish meanwhile are skipped; symbolic links are not followed.
 * @throws the errno's error when the mount point itself cannot be read
 */
export function walkHierarchy(mountPoint: string): Walk {
  const found: ContainerDirectory[] = [];
  const queue: Pending[] = [{ path: mountPoint }];
  let last = 0;
  for (let depth = 0; last < queue.length; depth++) {
    const level = queue.slice(last);
    last = queue.length;
    if (depth === MAX_DEPTH)
      return { found, complete: level.every(({ path }) => subdirectories(path, true).length === 0) };
    for (const parent of level) {
      for (const name of subdirectories(parent.path, depth > 0)) {
        if (queue.length >= MAX_DIRECTORIES) return { found, complete: false };
        const child = belonging(parent, name);
        queue.push(child);
        const inode = child.id === undefined ? undefined : inodeOf(child.path);
        if (child.id !== undefined && child.top !== undefined && inode !== undefined)
          found.push({ id: child.id, top: child.top, path: child.path, inode });
      }
    }
  }
  return { found, complete: true };
}

function belonging(parent: Pending, name: string): Pending {
  const path = join(parent.path, name);
  const id = containerId(name);
  return id === undefined || id === parent.id ? { ...parent, path } : { path, id, top: path };
}

function subdirectories(path: string, mayVanish: boolean): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (mayVanish) return [];
    throw error;
  }
}

/** As a bigint: kernfs puts a generation into the upper half, beyond what a number holds exactly. */
function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
