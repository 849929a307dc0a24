/** The cgroups of test containers: all of them below one directory of this process, in every hierarchy there is. */
import { readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Mount, parseMountinfo, readMountinfo } from '../../src/procfs/mountinfo.ts';
import { eventually } from './eventually.ts';

/** Nothing that the host has, so that whatever is below may be removed. */
export const CGROUP_PARENT: string = `/huatuo-test-${process.pid}`;

/** @throws for a path whose removal could touch what is not ours */
export function assertOwn(path: string): void {
  if (!`${path}/`.startsWith(`${CGROUP_PARENT}/`))
    throw new Error(`expected a cgroup below ${CGROUP_PARENT}, found ${path}`);
}

/** All v1 hierarchies, the named ones too, and v2. */
export function cgroupMounts(): { readonly v1: readonly Mount[]; readonly v2: readonly Mount[] } {
  const mounts = parseMountinfo(readMountinfo('/proc'));
  const ofType = (wanted: string): Mount[] => mounts.filter(({ type }) => type === wanted);
  return { v1: ofType('cgroup'), v2: ofType('cgroup2') };
}

/** Mount point of the hierarchy with this controller: a v1 one where the host has it, else v2. */
export function mountPointOf(controller: string): string | undefined {
  const { v1, v2 } = cgroupMounts();
  return (v1.find(({ superOptions }) => superOptions.includes(controller)) ?? v2[0])?.mountPoint;
}

/** Mount point to inode, where this cgroup exists. @param path below the mount points, with a leading slash */
export function cgroupInodes(path: string): ReadonlyMap<string, bigint> {
  return new Map(
    existing(path).map(([mount, directory]) => [mount, statSync(directory, { bigint: true }).ino] as const),
  );
}

/** Removes a cgroup with what is below it, tasks too, and its parents that are empty then. */
export async function removeCgroup(path: string): Promise<void> {
  assertOwn(path);
  await eventually(`cgroup ${path} to be empty`, () =>
    existing(path).every(([, directory]) => attempt(() => removeTree(directory))),
  );
  for (let parent = dirname(path); parent.startsWith(CGROUP_PARENT); parent = dirname(parent))
    for (const [, directory] of existing(parent)) attempt(() => rmdirSync(directory));
}

function existing(path: string): (readonly [mount: string, directory: string])[] {
  const { v1, v2 } = cgroupMounts();
  return [...v1, ...v2]
    .map(({ mountPoint }) => [mountPoint, join(mountPoint, path)] as const)
    .filter(([, directory]) => statSync(directory, { throwIfNoEntry: false }));
}

function removeTree(directory: string): void {
  const children = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of children) removeTree(join(directory, name));
  // Those that a failed test or a killed engine left: nobody else's are below our parent.
  for (const pid of readFileSync(join(directory, 'cgroup.procs'), 'utf8').match(/[1-9]\d*/g) ?? [])
    process.kill(Number(pid), 'SIGKILL');
  rmdirSync(directory);
}

/** @returns false when the directory is in use, or somebody else ended a task or removed a directory first */
function attempt(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['EBUSY', 'ENOENT', 'ENODEV', 'ESRCH'].includes(code)) return false;
    throw error;
  }
}
