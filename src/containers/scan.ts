/** One reading of all cgroup hierarchies: which containers there are, and which cgroup is whose. */
import { HuatuoError } from '../error.ts';
import { parseMountinfo, readMountinfo } from '../procfs/mountinfo.ts';
import type { Container } from './container.ts';
import { findHierarchies, type Hierarchy } from './hierarchies.ts';
import { qosOf } from './identify.ts';
import { type ContainerDirectory, walkHierarchy } from './walk.ts';

export interface Scan {
  readonly containers: readonly Container[];
  /** Controller (`unified` for v2) to inode to container, for every directory in or below a container's cgroup. */
  readonly owners: ReadonlyMap<string, ReadonlyMap<bigint, Container>>;
  /** Mount points where a bound stopped the walk. */
  readonly truncated: readonly string[];
}

/** A container while its hierarchies are collected. */
interface Draft {
  qos: Container['qos'];
  readonly cgroups: Map<string, { readonly path: string; readonly inode: bigint }>;
}

/**
 * Reads the mounts and walks every hierarchy.
 * @param procfs mount point of procfs
 * @throws SOURCE_UNREADABLE when there is no cgroup file system, or one cannot be read
 */
export function scanCgroups(procfs: string): Scan {
  const walked = hierarchies(procfs).map((hierarchy) => ({ hierarchy, ...walk(hierarchy) }));
  const drafts = new Map<string, Draft>();
  for (const { hierarchy, found } of walked)
    for (const directory of found) collect(drafts, hierarchy, directory);
  const containers = new Map([...drafts].map(([id, draft]) => [id, container(id, draft)]));
  const owners = new Map<string, ReadonlyMap<bigint, Container>>();
  for (const { hierarchy, found } of walked) {
    const owned = new Map(found.map(({ inode, id }) => [inode, containers.get(id) as Container]));
    for (const controller of hierarchy.controllers) owners.set(controller, owned);
  }
  const truncated = walked.filter(({ complete }) => !complete).map(({ hierarchy }) => hierarchy.mountPoint);
  return { containers: [...containers.values()], owners, truncated };
}

function collect(
  drafts: Map<string, Draft>,
  { controllers, mountPoint }: Hierarchy,
  found: ContainerDirectory,
): void {
  const { id, top, path, inode } = found;
  const draft: Draft = drafts.get(id) ?? { qos: 'unknown', cgroups: new Map() };
  drafts.set(id, draft);
  if (path !== top) return;
  if (draft.qos === 'unknown') draft.qos = qosOf(path.slice(mountPoint.length));
  for (const controller of controllers)
    if (!draft.cgroups.has(controller)) draft.cgroups.set(controller, { path, inode });
}

/** Names and type come from the runtime or kubelet; the cgroup tree knows the id only. */
function container(id: string, { qos, cgroups }: Draft): Container {
  const short = id.slice(0, 12);
  return {
    id,
    hostname: short,
    name: short,
    hostNamespace: '',
    type: 'normal',
    qos,
    cgroups: Object.fromEntries([...cgroups].map(([controller, { path }]) => [controller, path])),
    cgroupIds: [...cgroups.values()].map(({ inode }) => inode),
  };
}

function hierarchies(procfs: string): Hierarchy[] {
  try {
    const found = findHierarchies(parseMountinfo(readMountinfo(procfs)));
    if (found.length > 0) return found;
  } catch (cause) {
    throw unreadable(`${procfs}/self/mountinfo`, cause);
  }
  throw new HuatuoError('SOURCE_UNREADABLE', {
    expected: `a cgroup file system in ${procfs}/self/mountinfo`,
    found: 'none',
    remedy: "mount cgroup2, or the host's /sys/fs/cgroup into the agent's container",
  });
}

function walk({ mountPoint }: Hierarchy): ReturnType<typeof walkHierarchy> {
  try {
    return walkHierarchy(mountPoint);
  } catch (cause) {
    throw unreadable(mountPoint, cause);
  }
}

function unreadable(path: string, cause: unknown): HuatuoError {
  return new HuatuoError('SOURCE_UNREADABLE', {
    expected: `to read ${path}`,
    found: (cause as Error).message,
    remedy: 'run the agent as root; containers stay as they were last seen until then',
    cause,
  });
}
