/**
 * From the path of a cgroup to the container or the systemd unit it is in, without a question to an engine.
 *
 *   /docker/<id1>/kubelet.slice/kubelet-kubepods.slice/…-burstable-pod<uid>.slice/cri-containerd-<id2>.scope/init
 *   └── outer ──┘                                                    └─ pod ──┘  └──── innermost: id2 ────┘
 *   └──────────────────────────────────────── path ───────────────────────────────────────────────────────┘
 *
 * One pass from the root, since what is above a directory can decide what it is. Whoever may make cgroups may name them
 * like a container, so the answer says where a process is accounted, not that a runtime vouches for it.
 */
import type { ContainerQos, ContainerRuntime } from '../../sdk/container.ts';
import { containerNamed } from './names.ts';
import { podOf } from './pod.ts';
import { type RecognisedUnit, UnitReader } from './unit.ts';

interface RecognisedContainer {
  readonly kind: 'container';
  /** 64 hex characters, or a name (LXC, systemd-nspawn, bare runc), or `<task>-<number>` (ECS). */
  readonly id: string;
  readonly runtime: ContainerRuntime;
  readonly qos: ContainerQos;
  /** As in the API, with dashes; of a static pod 32 hex characters. */
  readonly podUid?: string;
  /** The container's own cgroup, where its limits are: a prefix of the path. */
  readonly path: string;
  /** Id of the container directly around it (kind, docker in docker). */
  readonly outer?: string;
}

export type Recognised = RecognisedContainer | RecognisedUnit;

/** PATH_MAX, beyond which the kernel prints no cgroup. */
const MAX_PATH = 4096;

/** What `/proc/<pid>/cgroup` appends when the directory is gone and a process is still in it: cgroups(7). */
const DELETED = ' (deleted)';

/** The VMM and the shim of Kata's sandboxes, on purpose outside the pod's limits; container ids below it name no container. */
const KATA_OVERHEAD = 'kata_overhead';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Found {
  readonly id: string;
  readonly runtime: ContainerRuntime;
  readonly end: number;
  readonly around: Found | undefined;
}

/**
 * @param path absolute cgroup path below the root of its hierarchy, as in the cgroup_mkdir tracepoint or in
 * `/proc/<pid>/cgroup`; the innermost container wins, without one the service or scope of the host's systemd, then the innermost slice
 * @returns undefined for the root and whatever is certainly neither, and for more than 4096 characters
 */
export function recognise(path: string): Recognised | undefined {
  if (path.length > MAX_PATH) return undefined;
  const to = path.endsWith(DELETED) ? path.length - DELETED.length : path.length;
  let found: Found | undefined;
  const units = new UnitReader();
  let parent = '';
  for (let start = 0, end = 0; start < to; start = end + 1) {
    end = path.indexOf('/', start);
    if (end < 0) end = to;
    if (end === start) continue;
    const name = path.slice(start, end);
    if (name === KATA_OVERHEAD) break;
    const container = containerNamed(name, parent);
    if (container && container.id !== found?.id)
      found = { id: container.id, runtime: container.runtime, end, around: found };
    else if (found && isSupervisor(name, found, start)) found = found.around;
    units.read(name, path, end);
    parent = name;
  }
  return found ? recognised(found, path.slice(0, found.end)) : units.found;
}

function recognised({ id, runtime, around }: Found, path: string): Recognised {
  const { qos, uid } = podOf(path);
  const own: Writable<RecognisedContainer> = { kind: 'container', id, runtime, qos, path };
  if (uid !== undefined) own.podUid = uid;
  if (around) own.outer = around.id;
  return own;
}

/** `systemd-nspawn@NAME.service/supervisor` has nspawn itself; the container's processes are in `payload` beside it. */
function isSupervisor(name: string, { runtime, end }: Found, start: number): boolean {
  return name === 'supervisor' && runtime === 'nspawn' && end === start - 1;
}
