/** Network namespaces: the host's, the agent's, and those of containers. */
import { readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ContainerLabels, type PerContainerContext, perContainer } from '../sdk/container.ts';
import { parseNamespaceLink } from './init-process.ts';

/** Files of the host's network: those of process 1, because `/proc/net` is that of the agent. */
export function hostNetwork(procfs: string): string {
  return join(procfs, '1/net');
}

/**
 * Whether netlink, which asks in the namespace of the agent, tells of the host. False where it cannot be known.
 * @param procfs whose process 1 is the host's
 */
export function isInHostNetwork(procfs: string): boolean {
  const host = networkOf(join(procfs, '1'));
  return host !== undefined && host === networkOf('/proc/self');
}

/**
 * Runs `read` once for each network namespace that containers have to themselves, and `show` for each container in it: those of a
 * pod share one. Containers in the host's network are left out, because its counters are not theirs; so are those whose namespace
 * is not known.
 * @param read gets the directory with the files of the namespace
 */
export function perContainerNetwork<Result>(
  context: PerContainerContext & { readonly paths: { readonly procfs: string } },
  read: (directory: string) => Result,
  show: (result: Result, labels: ContainerLabels) => void,
): void {
  const { procfs } = context.paths;
  const host = networkOf(join(procfs, '1'));
  /** Undefined for one that is the host's. */
  const known = new Map<number, { readonly result: Result } | undefined>();
  perContainer(context, ({ netnsInode, initPid }, labels) => {
    if (netnsInode === undefined || initPid === undefined) return;
    if (!known.has(netnsInode)) {
      const process = join(procfs, String(initPid));
      // The number may be another process's by now.
      if (namespaceOf(process) !== netnsInode) return;
      const isOwn = networkOf(process) !== host;
      known.set(netnsInode, isOwn ? { result: read(join(process, 'net')) } : undefined);
    }
    const found = known.get(netnsInode);
    if (found) show(found.result, labels);
  });
}

/**
 * Each namespace has files of its own, and each file a number of its own (proc_net_ns_init()). Unlike the link of the namespace,
 * they can be seen without the right to trace the process, which not every root has over process 1.
 * @param process its directory in procfs
 */
function networkOf(process: string): number | undefined {
  try {
    return statSync(join(process, 'net/dev')).ino;
  } catch {
    return undefined;
  }
}

/** @param process its directory in procfs */
function namespaceOf(process: string): number | undefined {
  try {
    return parseNamespaceLink(readlinkSync(join(process, 'ns/net')));
  } catch {
    return undefined;
  }
}
