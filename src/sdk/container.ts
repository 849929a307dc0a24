import { HuatuoError } from '../error.ts';

/** What runs it; `unknown` when the cgroup path has nothing but an id and no source knows the container. */
export type ContainerRuntime =
  | 'docker'
  | 'containerd'
  | 'cri-o'
  | 'podman'
  | 'runc'
  | 'crun'
  | 'nspawn'
  | 'lxc'
  | 'unknown';

/** Kubernetes quality of service, as kubelet writes it into cgroup paths. */
export type ContainerQos = 'guaranteed' | 'burstable' | 'besteffort' | 'unknown';

/** What the container is for its pod; `normal` outside Kubernetes. */
export type ContainerType = 'normal' | 'sidecar' | 'daemonSet' | 'static';

/** One container of this host. What is not known is empty. */
export interface Container {
  /** 64 hex characters, or the name of a machine (systemd-nspawn, LXC). */
  readonly id: string;
  readonly runtime: ContainerRuntime;
  /** Host name inside, or of the pod, where it is known, else the first 12 characters of the id. */
  readonly hostname: string;
  readonly name: string;
  readonly image: string;
  readonly podName: string;
  /** Kubernetes namespace. */
  readonly hostNamespace: string;
  /** Only those the configuration allows. */
  readonly labels: Readonly<Record<string, string>>;
  readonly type: ContainerType;
  readonly qos: ContainerQos;
  /** Inode of its network namespace, as in `/proc/<pid>/ns/net`. */
  readonly netnsInode?: number;
  readonly initPid?: number;
  /** RFC 3339, UTC. */
  readonly startTime?: string;
  /** cgroup directories by controller (`memory`, `cpu`, …; `unified` for v2), absolute paths. */
  readonly cgroups: Readonly<Record<string, string>>;
  /**
   * Inodes of those directories, in the order of `cgroups`: what BPF programs report. On v1 each hierarchy numbers its
   * directories itself, so an inode means a container only together with its controller.
   */
  readonly cgroupIds: readonly bigint[];
}

export interface ContainerLabels extends Readonly<Record<string, string>> {
  readonly container_host: string;
  readonly container_name: string;
  readonly container_type: string;
  readonly container_level: string;
  readonly container_hostnamespace: string;
  readonly container_id: string;
}

/**
 * The labels of a container's metrics. Names may be those of several containers (pods of two DaemonSets on the host's network
 * with one container name), the id is one's own, and the same as in documents.
 */
export function containerLabels(container: Container): ContainerLabels {
  return {
    container_host: container.hostname,
    container_name: container.name,
    container_type: container.type,
    container_level: container.qos,
    container_hostnamespace: container.hostNamespace,
    container_id: container.id,
  };
}

/** Whose a cgroup is. `cgroupPath` is below the root of its hierarchy, and stays known a while after it is gone. */
export type Owner =
  | { readonly type: 'container'; readonly container: Container }
  | { readonly type: 'unit'; readonly name: string; readonly cgroupPath: string }
  /** A cgroup of no container and no unit; `/` is where everything is that was put nowhere else. */
  | { readonly type: 'host'; readonly cgroupPath: string }
  /** It is in no tree that can be read: it may be a container's. */
  | { readonly type: 'unknown' };

/**
 * An id says in its upper byte which hierarchy it is from when that is not the one of its type: where a task is in the root of
 * its controller's hierarchy, BPF programs report the cgroup that another hierarchy has it in (bpf/include/kernel/sched.h).
 */
const HIERARCHY_SHIFT = 56n;
const INODE_BITS: bigint = (1n << HIERARCHY_SHIFT) - 1n;

/** @returns the number of the hierarchy, when the id names it, and the inode in it */
export function splitCgroupId(id: bigint): {
  readonly hierarchy: number | undefined;
  readonly inode: bigint;
} {
  const mark = Number(id >> HIERARCHY_SHIFT);
  return { hierarchy: mark === 0 ? undefined : mark - 1, inode: id & INODE_BITS };
}

/** Error codes of files that went with a container: it has ended, which is no failure. */
const GONE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENODEV', 'ESRCH']);

/**
 * Runs `read` for each running container. One that cannot be read is logged and left out, so that it does not cost the
 * others their samples; one that has ended meanwhile is left out silently.
 * @param read gives undefined for a container it has nothing to say of
 */
export function perContainer<Result>(
  { containers, log }: PerContainerContext,
  read: (container: Container, labels: ContainerLabels) => Result | undefined,
): (readonly [Container, Result])[] {
  const results: (readonly [Container, Result])[] = [];
  for (const container of containers.list()) {
    try {
      const result = read(container, containerLabels(container));
      if (result !== undefined) results.push([container, result]);
    } catch (error) {
      const cause = error instanceof HuatuoError ? error.cause : error;
      if (GONE.has((cause as { readonly code?: unknown } | undefined)?.code)) continue;
      log.warn('a container cannot be read', { container: container.id, error });
    }
  }
  return results;
}

/** What `perContainer` needs of `ctx`. */
export interface PerContainerContext {
  readonly containers: { list(): readonly Container[] };
  readonly log: { warn(message: string, detail?: object): void };
}
