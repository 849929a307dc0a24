/** The sources that a configuration names, the most trusted one first. */
import { join } from 'node:path';
import type { ContainersConfig } from '../config.ts';
import { isDirectory, isSocket, urlPlace } from './files.ts';
import type { KubeletOptions } from './kubelet.ts';
import { discoverKubelet } from './kubelet-discovery.ts';
import type { DetailSource } from './source.ts';
import { LazySource } from './source.ts';

/** Directories of runtimes below `containers.oci`; what is in them is looked at by the source itself. */
const OCI_DIRECTORIES = ['runc', 'crun', 'docker', 'containerd', 'containers'];

/**
 * Opens nothing yet: each source looks for whom it asks when it is asked itself.
 * @param procfs in which the processes of the containers are seen
 */
export function openSources(config: ContainersConfig, procfs: string): DetailSource[] {
  const pods = config.kubelet ?? discoverKubelet();
  return [
    ...(pods ? [kubelet(pods)] : []),
    ...config.cri.map(cri),
    ...(['docker', 'podman'] as const).flatMap((name) =>
      config[name].map((socket) => engine(name, socket, procfs)),
    ),
    ...config.oci.map((root) => oci(root, procfs)),
  ];
}

function kubelet(options: KubeletOptions): DetailSource {
  return new LazySource({
    name: 'kubelet',
    place: urlPlace(options.url),
    present: () => true,
    open: async () => (await import('./kubelet.ts')).kubelet(options),
  });
}

function cri(socket: string): DetailSource {
  return new LazySource({
    name: 'cri',
    place: socket,
    present: () => isSocket(socket),
    open: async () => (await import('./cri.ts')).cri({ socket }),
  });
}

function engine(name: 'docker' | 'podman', socket: string, procfs: string): DetailSource {
  return new LazySource({
    name,
    place: socket,
    present: () => isSocket(socket),
    open: async () => (await import('./engine-api.ts')).engineApi({ name, socket, procfs }),
  });
}

function oci(root: string, procfs: string): DetailSource {
  return new LazySource({
    name: 'oci',
    place: root,
    present: () => OCI_DIRECTORIES.some((name) => isDirectory(join(root, name))),
    open: async () => (await import('./oci-state.ts')).ociState({ root, procfs }),
  });
}
