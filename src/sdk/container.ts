import { isGone } from './gone.ts';

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

/** What is accounted in cgroups of its own: a container, or a unit of the host's systemd. */
export interface Workload {
  /** A unit's name ends as no id of a container does: one is never the other. */
  readonly id: string;
  /** cgroup directories by controller (`memory`, `cpu`, …; `unified` for v2), absolute paths. */
  readonly cgroups: Readonly<Record<string, string>>;
  /**
   * Inodes of those directories, in the order of `cgroups`: what BPF programs report. On v1 each hierarchy numbers its
   * directories itself, so an inode means a workload only together with its controller.
   */
  readonly cgroupIds: readonly bigint[];
}

/** A unit of the host's systemd that has series: `containers.units` says which do. */
export interface Unit extends Workload {
  /** Its name, as systemctl shows it. */
  readonly id: string;
}

/** One container of this host. What is not known is empty. */
export interface Container extends Workload {
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

/** The labels of a series that is either a container's or a unit's: those of the other are empty, and not on the page. */
export interface WorkloadLabels extends ContainerLabels {
  /** As in documents. */
  readonly systemd_unit: string;
}

const NO_CONTAINER: ContainerLabels = {
  container_host: '',
  container_name: '',
  container_type: '',
  container_level: '',
  container_hostnamespace: '',
  container_id: '',
};

/** Whether it is a container, and no unit. */
export function isContainer(workload: Container | Unit): workload is Container {
  return 'runtime' in workload;
}

/** For metrics with `WORKLOAD_LABELS`. */
export function workloadLabels(workload: Container | Unit): WorkloadLabels {
  return isContainer(workload)
    ? { ...containerLabels(workload), systemd_unit: '' }
    : { ...NO_CONTAINER, systemd_unit: workload.id };
}

/** Whose a cgroup is. `cgroupPath` is below the root of its hierarchy, and stays known a while after it is gone. */
export type Owner =
  | { readonly type: 'container'; readonly container: Container }
  | {
      readonly type: 'unit';
      /** The unit of the host's systemd, of a user's service `user@1000.service`. */
      readonly name: string;
      /** The unit of that user's own systemd. */
      readonly userUnit?: string;
      readonly cgroupPath: string;
      /**
       * Of a unit that has series: inode of its own cgroup in that hierarchy. One that was started again has another one, which
       * is larger, because kernfs counts.
       */
      readonly top?: bigint;
    }
  /** A cgroup of no container and no unit; `/` is where everything is that was put nowhere else. */
  | { readonly type: 'host'; readonly cgroupPath: string }
  /** It is in no tree that can be read: it may be a container's. */
  | { readonly type: 'unknown' };

/**
 * What a count for this owner is called, in its series and between scrapes.
 * @returns undefined where it has none: the host's, and units without series
 */
export function workloadOf(
  owner: Owner,
): { readonly id: string; readonly labels: WorkloadLabels } | undefined {
  const { type } = owner;
  if (type === 'container') return { id: owner.container.id, labels: workloadLabels(owner.container) };
  if (type !== 'unit' || owner.top === undefined) return undefined;
  return { id: owner.name, labels: { ...NO_CONTAINER, systemd_unit: owner.name } };
}

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

/**
 * Runs `read` for each running container. One that cannot be read is logged and left out, so that it does not cost the
 * others their samples; one that has ended meanwhile is left out silently.
 * @param read gives undefined for a container it has nothing to say of
 */
export function perContainer<Result>(
  { containers, log }: PerContainerContext,
  read: (container: Container, labels: ContainerLabels) => Result | undefined,
): (readonly [Container, Result])[] {
  return perOne(containers.list(), containerLabels, 'a container cannot be read', log, read);
}

/**
 * As `perContainer`, for each container and then for each unit: for what is read of cgroups. With metrics whose labels are
 * `WORKLOAD_LABELS` a collector has series of both.
 */
export function perWorkload<Result>(
  { containers, log }: PerWorkloadContext,
  read: (workload: Container | Unit, labels: WorkloadLabels) => Result | undefined,
): (readonly [Container | Unit, Result])[] {
  return [
    ...perOne(containers.list(), workloadLabels, 'a container cannot be read', log, read),
    ...perOne(containers.units(), workloadLabels, 'a systemd unit cannot be read', log, read),
  ];
}

function perOne<One extends Workload, Labels, Result>(
  all: readonly One[],
  labelsOf: (one: One) => Labels,
  complaint: string,
  log: PerContainerContext['log'],
  read: (one: One, labels: Labels) => Result | undefined,
): (readonly [One, Result])[] {
  const results: (readonly [One, Result])[] = [];
  for (const one of all) {
    try {
      const result = read(one, labelsOf(one));
      if (result !== undefined) results.push([one, result]);
    } catch (error) {
      if (isGone(error)) continue;
      log.warn(complaint, { id: one.id, error });
    }
  }
  return results;
}

/** What `perContainer` needs of `ctx`. */
export interface PerContainerContext {
  readonly containers: { list(): readonly Container[] };
  readonly log: { warn(message: string, detail?: object): void };
}

/** What `perWorkload` needs of `ctx`. */
export interface PerWorkloadContext extends PerContainerContext {
  readonly containers: PerContainerContext['containers'] & { units(): readonly Unit[] };
}
