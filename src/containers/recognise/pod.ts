/** What kubelet writes into the path of a pod's containers. */
import type { ContainerQos } from '../../sdk/container.ts';

interface Pod {
  readonly qos: ContainerQos;
  /** As in the API, with dashes; of a static pod 32 hexadecimal characters. */
  readonly uid?: string;
}

const NO_POD: Pod = { qos: 'unknown' };

/**
 * The systemd driver: `kubepods.slice`, `kubepods-burstable.slice`, `kubepods-burstable-pod<uid>.slice` with `_` for `-`;
 * `kubelet-kubepods…` and the like under `--cgroup-root` (kind); a colon behind it where the runtime is on cgroupfs.
 */
const SLICE = /kubepods(?:-(burstable|besteffort))?(?:-pod(\w+))?\.slice(?=[/:]|$)/y;

/** The cgroupfs driver: `kubepods/burstable/pod<uid>`. */
const DIRECTORIES = /kubepods(?:\/(burstable|besteffort))?(?:\/pod([\w-]+))?(?=\/|$)/y;

/**
 * Burstable and besteffort pods have a level of their own, guaranteed ones lie directly below kubepods. The last kubepods
 * counts: that of the inner cluster in kind. A container that a pod's container runs (docker in docker) is in that pod.
 * @param path of a container's own cgroup
 */
export function podOf(path: string): Pod {
  for (
    let at = path.lastIndexOf('kubepods');
    at >= 0;
    at = at > 0 ? path.lastIndexOf('kubepods', at - 1) : -1
  ) {
    const whole = at === 0 || path.charAt(at - 1) === '/';
    if (!whole && path.charAt(at - 1) !== '-') continue;
    const found = matchAt(SLICE, path, at) ?? (whole ? matchAt(DIRECTORIES, path, at) : null);
    if (!found) continue;
    const [, level, uid] = found;
    const qos = (level as 'burstable' | 'besteffort' | undefined) ?? 'guaranteed';
    return uid === undefined ? { qos } : { qos, uid: uid.replaceAll('_', '-') };
  }
  return NO_POD;
}

function matchAt(pattern: RegExp, path: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(path);
}
