/** Ids of the tasks or processes of a cgroup and of those below it, as its files list them. */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isGone, readIfThere } from './source.ts';

/** Cgroups below a container that are visited: a container that runs systemd has a few dozen. */
const MAX_CGROUPS = 256;

/**
 * @param cgroup absolute path of a v1 or v2 cgroup directory
 * @param lists file names; of each cgroup the first one that is there is read
 * @returns decimal ids, outermost cgroup first
 * @throws SOURCE_UNREADABLE for failures other than cgroups that have gone away meanwhile
 */
export function* idsBelow(cgroup: string, lists: readonly string[]): Generator<string> {
  const queue = [cgroup];
  for (let visited = 0; visited < MAX_CGROUPS; visited++) {
    const directory = queue.shift();
    if (directory === undefined) return;
    yield* idsIn(directory, lists);
    for (const entry of children(directory)) queue.push(join(directory, entry.name));
  }
}

function idsIn(directory: string, lists: readonly string[]): string[] {
  for (const list of lists) {
    const text = readList(join(directory, list));
    if (text !== undefined) return text.split('\n').filter((line) => /^[1-9]\d{0,9}$/.test(line));
  }
  return [];
}

/** A threaded v2 cgroup refuses to list processes; those of its threads are listed by the cgroup it belongs to. */
function readList(path: string): string | undefined {
  try {
    return readIfThere(path);
  } catch (error) {
    const { code } = (error as Error).cause as NodeJS.ErrnoException;
    if (code === 'EOPNOTSUPP') return '';
    throw error;
  }
}

function children(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
