/** Where kubelet is and how to be let in, when the configuration does not say: from files that Kubernetes itself puts there. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { KubeletOptions } from './kubelet.ts';

const SERVICE_ACCOUNT = 'var/run/secrets/kubernetes.io/serviceaccount';

/** Where a distribution keeps what a kubelet shows to others, and whom it trusts. */
interface NodeFiles {
  /** kubelet's client certificate, with its key in it unless that is a file of its own. */
  readonly certificate: string;
  readonly key?: string;
  /** Directory where a kubelet that signs for its server itself keeps the proof. */
  readonly pki?: string;
  readonly ca: string;
}

const ROTATED = 'kubelet-client-current.pem';
const NODES: readonly NodeFiles[] = [
  // kubeadm, and whoever does as it does.
  {
    certificate: `var/lib/kubelet/pki/${ROTATED}`,
    pki: 'var/lib/kubelet/pki',
    ca: 'etc/kubernetes/pki/ca.crt',
  },
  ...['k3s', 'rke2'].map((name) => ({
    certificate: `var/lib/rancher/${name}/agent/client-kubelet.crt`,
    key: `var/lib/rancher/${name}/agent/client-kubelet.key`,
    ca: `var/lib/rancher/${name}/agent/server-ca.crt`,
  })),
  {
    certificate: `var/lib/k0s/kubelet/pki/${ROTATED}`,
    pki: 'var/lib/k0s/kubelet/pki',
    ca: 'var/lib/k0s/pki/ca.crt',
  },
  {
    certificate: 'var/snap/microk8s/current/certs/kubelet.crt',
    key: 'var/snap/microk8s/current/certs/kubelet.key',
    ca: 'var/snap/microk8s/current/certs/ca.crt',
  },
];

/**
 * As a pod with a service account and `NODE_IP` or `HOST_IP` in its environment (downward API, `status.hostIP`), else as the
 * node, by kubelet's own client certificate, where kubeadm, k3s, RKE2, k0s and microk8s keep it. The read-only port is never guessed: whoever listens there is not verified.
 *
 * To be found is not to be let in: where kubelet asks the API server who may (authorization mode Webhook), a node's user has
 * no right to `/pods` of its own (the role `system:node` lacks nodes/proxy), and `list()` says so.
 * @param root the directory in which those files are looked for; absolute symbolic links in it are not relative to it
 * @returns undefined when a file is missing, and with it the way in or the means to verify the server
 */
export function discoverKubelet(
  root = '/',
  env: Readonly<Record<string, string | undefined>> = process.env,
): KubeletOptions | undefined {
  const pod = inPod(root, env);
  if (pod) return pod;
  for (const files of NODES) {
    const node = onNode(root, files);
    if (node) return node;
  }
  return undefined;
}

function inPod(root: string, env: Readonly<Record<string, string | undefined>>): KubeletOptions | undefined {
  const token = file(root, SERVICE_ACCOUNT, 'token');
  const ca = file(root, SERVICE_ACCOUNT, 'ca.crt');
  const address = env.NODE_IP ?? env.HOST_IP ?? '';
  const family = isIP(address);
  if (!env.KUBERNETES_SERVICE_HOST || !token || !ca || family === 0) return undefined;
  return { url: `https://${family === 6 ? `[${address}]` : address}:10250`, token, ca };
}

function onNode(
  root: string,
  { certificate, key, pki, ca: clusterCa }: NodeFiles,
): KubeletOptions | undefined {
  const clientCertificate = file(root, certificate);
  const clientKey = key === undefined ? undefined : file(root, key);
  if (!clientCertificate || (key !== undefined && !clientKey)) return undefined;
  const ca = (pki === undefined ? undefined : ownProof(root, pki)) ?? file(root, clusterCa);
  const serverName = nodeName(clientCertificate);
  if (!ca || !serverName) return undefined;
  const url = 'https://127.0.0.1:10250';
  return { url, clientCertificate, ...(clientKey && { clientKey }), ca, serverName };
}

/** With serverTLSBootstrap the cluster's CA signs for kubelet's server; without, kubelet does, and keeps the proof here. */
function ownProof(root: string, pki: string): string | undefined {
  return file(root, pki, 'kubelet-server-current.pem') ? undefined : file(root, pki, 'kubelet.crt');
}

/** kubelet's user is `system:node:<name>`; its serving certificate has that name, and never 127.0.0.1. */
function nodeName(certificate: string): string | undefined {
  try {
    const { subject } = new X509Certificate(readFileSync(certificate));
    return /^CN=system:node:(.+)$/m.exec(subject)?.[1];
  } catch {
    return undefined;
  }
}

/** The path when there is a file that we may see. */
function file(root: string, ...parts: string[]): string | undefined {
  const path = join(root, ...parts);
  try {
    return statSync(path).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}
