/** The sources that a configuration names, the most trusted one first. */
import type { ContainersConfig } from '../config.ts';
import type { DetailSource } from '../details.ts';
import { cri } from './cri.ts';
import { engineApi } from './engine-api.ts';
import { kubelet } from './kubelet.ts';
import { discoverKubelet } from './kubelet-discovery.ts';
import { ociState } from './oci-state.ts';

/**
 * Opens nothing yet: each source looks for whom it asks when it is asked itself.
 * @param procfs in which the processes of the containers are seen
 */
export function openSources(
  { docker, podman, cri: sockets, oci, kubelet: configured }: ContainersConfig,
  procfs: string,
): DetailSource[] {
  const pods = configured ?? discoverKubelet();
  return [
    ...(pods ? [kubelet(pods)] : []),
    ...sockets.map((socket) => cri({ socket })),
    ...(docker === '' ? [] : [engineApi({ name: 'docker', socket: docker, procfs })]),
    ...(podman === '' ? [] : [engineApi({ name: 'podman', socket: podman, procfs })]),
    ...(oci === '' ? [] : [ociState({ root: oci, procfs })]),
  ];
}
