/** A container as documents and metrics show it; the first five names are those of existing HuaTuo dashboards. */
import { type Container, type Owner, splitCgroupId } from '../sdk/container.ts';
import { jsonText } from './json-text.ts';

/** Names come from whoever made the container, who may have made them long. */
const MAX_TEXT = 256;
const MAX_PATH = 384;
/** What a decoder takes; a description that is longer still is cut down to the id. */
const MAX_FRAGMENT_BYTES = 4096;

/**
 * The owner's part of a document, to be put behind another field: `,"container_id":"…",…`. What is not known is left out.
 * @param cgroupId what was asked for: all there is to say of an owner that is unknown
 * @returns null for the root of the host, whose documents have no such part
 */
export function ownerFragment(owner: Owner, cgroupId: bigint): string | null {
  switch (owner.type) {
    case 'container':
      return containerFragment(owner.container);
    case 'unit':
      return fragment({
        systemd_unit: clip(owner.name),
        ...(owner.userUnit !== undefined && { systemd_user_unit: clip(owner.userUnit) }),
        cgroup_path: clipPath(owner.cgroupPath),
      });
    case 'host':
      return owner.cgroupPath === '/' ? null : fragment({ cgroup_path: clipPath(owner.cgroupPath) });
    case 'unknown':
      return fragment({ owner: 'unknown', container_cgroup_id: splitCgroupId(cgroupId).inode.toString() });
  }
}

/** What stands behind a cgroup id inside a document; empty for the root of the host. */
export function ownerNames(owner: Owner): string {
  if (owner.type !== 'container') return owner.type === 'unknown' ? '' : (ownerFragment(owner, 0n) ?? '');
  const { id, hostname } = owner.container;
  return fragment({ container_id: clip(id), container_hostname: clip(hostname) });
}

/**
 * For a document about a network namespace: what is the same of all containers that share it, as those of a pod do.
 * @returns empty when there is none, or nothing that all have
 */
export function sharedFragment(containers: readonly Container[]): string {
  const [first, ...others] = containers;
  if (!first || others.length === 0) return first ? containerFragment(first) : '';
  const each = others.map(knownOf);
  const shared = Object.entries(knownOf(first)).filter(
    ([key, value]) => typeof value === 'string' && each.every((one) => one[key] === value),
  );
  return shared.length === 0 ? '' : fragment(Object.fromEntries(shared));
}

/** For a document about a container that is gone for so long that nothing else is known. */
export function idFragment(containerId: string): string {
  return fragment({ container_id: clip(containerId) });
}

/** For a document about a unit, with all its cgroups. */
export function unitFragment(name: string): string {
  return fragment({ systemd_unit: clip(name) });
}

/** As `ownerFragment`, of at most 4 KiB. */
export function containerFragment(container: Container): string {
  const known = knownOf(container);
  const { container_labels, ...named } = known;
  const { container_id = '' } = known;
  const candidates = [known, named, { container_id }].map(fragment);
  return candidates.find((text) => Buffer.byteLength(text) <= MAX_FRAGMENT_BYTES) ?? '';
}

function knownOf(container: Container): Readonly<Record<string, string | object>> {
  const { labels } = container;
  const fields: Record<string, string | object> = {
    container_id: clip(container.id),
    container_hostname: clip(container.hostname),
    container_type: container.type,
    container_qos: container.qos,
    container_host_namespace: clip(container.hostNamespace),
    container_name: clip(container.name),
    container_image: clip(container.image),
    container_runtime: container.runtime,
    pod_name: clip(container.podName),
  };
  if (Object.keys(labels).length > 0)
    fields.container_labels = Object.fromEntries(
      Object.entries(labels).map(([key, value]) => [key, clip(value)]),
    );
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

function fragment(fields: object): string {
  return `,${jsonText(fields)?.slice(1, -1)}`;
}

/** The end of a path is what tells: control characters, escaped, take six bytes each. */
function clipPath(path: string): string {
  return path.length > MAX_PATH ? `…${path.slice(-MAX_PATH)}` : path;
}

function clip(text: string): string {
  return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
}
