/** What `/api/v1/containers` answers: names as in `/api/v1/status`. */
import type { Container } from '../sdk/container.ts';
import type { ContainersStatus } from './actor.ts';

export interface ContainersDocument {
  readonly containers: readonly ContainerEntry[];
  readonly status: ContainersStatus;
}

/** A container as JSON: inode numbers of cgroups as decimal strings, because JSON numbers end at 2^53. What is not known is empty or absent. */
export interface ContainerEntry
  extends Pick<
    Container,
    'id' | 'runtime' | 'hostname' | 'name' | 'image' | 'labels' | 'type' | 'qos' | 'cgroups'
  > {
  readonly pod_name: string;
  readonly host_namespace: string;
  readonly netns_inode?: number;
  readonly init_pid?: number;
  /** RFC 3339, UTC. */
  readonly start_time?: string;
  readonly cgroup_ids: readonly string[];
}

/** Sorted by name. */
export function containersDocument(
  containers: readonly Container[],
  status: ContainersStatus,
): ContainersDocument {
  return { containers: containers.map(entryOf).sort((a, b) => (a.name < b.name ? -1 : 1)), status };
}

function entryOf(container: Container): ContainerEntry {
  const { podName, hostNamespace, netnsInode, initPid, startTime, cgroupIds, ...same } = container;
  return {
    ...same,
    pod_name: podName,
    host_namespace: hostNamespace,
    ...(netnsInode !== undefined && { netns_inode: netnsInode }),
    ...(initPid !== undefined && { init_pid: initPid }),
    ...(startTime !== undefined && { start_time: startTime }),
    cgroup_ids: cgroupIds.map(String),
  };
}
