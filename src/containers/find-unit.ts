/** The cgroups of one systemd unit, by its name, without an agent. */
import { readHierarchies } from '../procfs/cgroup-hierarchies.ts';
import type { Unit } from '../sdk/container.ts';
import { recognise } from './recognise/path.ts';
import { directoryOf, walkHierarchy } from './walk.ts';

/**
 * @param name as systemctl shows it
 * @returns undefined when no such unit runs
 * @throws SOURCE_UNREADABLE when there is no cgroup file system
 */
export function findUnit(procfs: string, name: string): Unit | undefined {
  const cgroups: Record<string, string> = {};
  const cgroupIds: bigint[] = [];
  for (const hierarchy of readHierarchies(procfs)) {
    const own = walkHierarchy(hierarchy).found.find(({ path }) => isTopOf(path, name));
    const directory = own && directoryOf(hierarchy, own.path);
    if (!own || directory === undefined) continue;
    for (const controller of hierarchy.controllers) {
      cgroups[controller] = directory;
      cgroupIds.push(own.inode);
    }
  }
  return cgroupIds.length === 0 ? undefined : { id: name, cgroups, cgroupIds };
}

function isTopOf(path: string, name: string): boolean {
  if (!path.endsWith(`/${name}`)) return false;
  const found = recognise(path);
  return found?.kind === 'unit' && found.name === name && found.path === path;
}
