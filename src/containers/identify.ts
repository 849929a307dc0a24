/** What the path of a cgroup directory tells about the container in it. */
import type { Container } from './container.ts';

/**
 * Names that runtimes give to a container's directory: the bare id (cgroupfs driver), or `<runtime>-<id>`, with `.scope`
 * under systemd. Only known runtimes: `crio-conmon-<id>.scope` holds the container's monitor, not the container.
 */
const CONTAINER_DIRECTORY =
  /^(?:(?:docker|cri-containerd|crio|libpod|nerdctl)-([0-9a-f]{64})(?:\.scope)?|([0-9a-f]{64}))$/;

/** `kubepods` (cgroupfs), `kubepods.slice`, `kubepods-burstable.slice`, `kubelet-kubepods-…` (systemd, kind). */
const KUBEPODS = /(?:^|-)kubepods(?:[-.]|$)/;

/** The 64-hex id in a directory's name; undefined when the directory is not a container's. */
export function containerId(name: string): string | undefined {
  const match = CONTAINER_DIRECTORY.exec(name);
  return match?.[1] ?? match?.[2];
}

/**
 * The Kubernetes quality of service of a pod, which kubelet writes into the path: besteffort and burstable pods have a
 * level of their own, guaranteed ones lie directly below kubepods.
 * @param path below the hierarchy's mount point
 */
export function qosOf(path: string): Container['qos'] {
  const parts = path.split('/');
  const from = parts.findIndex((part) => KUBEPODS.test(part));
  if (from < 0) return 'unknown';
  const level = parts
    .slice(from)
    .join('/')
    .match(/kubepods(?:-|\/)(besteffort|burstable)\b/)?.[1];
  return (level as 'besteffort' | 'burstable' | undefined) ?? 'guaranteed';
}
