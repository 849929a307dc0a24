/** Where kubelet is and how to be let in, when the configuration does not say: from files that Kubernetes itself puts there. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { KubeletOptions } from './kubelet.ts';

const SERVICE_ACCOUNT = 'var/run/secrets/kubernetes.io/serviceaccount';
const KUBELET_PKI = 'var/lib/kubelet/pki';
const CLUSTER_CA = 'etc/kubernetes/pki/ca.crt';

/**
 * As a pod with a service account and `NODE_IP` or `HOST_IP` in its environment (downward API, `status.hostIP`), else as the
 * node, by kubelet's own client certificate. The read-only port is never guessed: whoever listens there is not verified.
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
  return inPod(root, env) ?? onNode(root);
}

function inPod(root: string, env: Readonly<Record<string, string | undefined>>): KubeletOptions | undefined {
  const token = file(root, SERVICE_ACCOUNT, 'token');
  const ca = file(root, SERVICE_ACCOUNT, 'ca.crt');
  const address = env.NODE_IP ?? env.HOST_IP ?? '';
  const family = isIP(address);
  if (!env.KUBERNETES_SERVICE_HOST || !token || !ca || family === 0) return undefined;
  return { url: `https://${family === 6 ? `[${address}]` : address}:10250`, token, ca };
}

function onNode(root: string): KubeletOptions | undefined {
  const clientCertificate = file(root, KUBELET_PKI, 'kubelet-client-current.pem');
  // With serverTLSBootstrap the cluster's CA signs for kubelet's server; without, kubelet does, and keeps the proof here.
  const signedByCluster = file(root, KUBELET_PKI, 'kubelet-server-current.pem');
  const ca = (signedByCluster ? undefined : file(root, KUBELET_PKI, 'kubelet.crt')) ?? file(root, CLUSTER_CA);
  const serverName = clientCertificate && nodeName(clientCertificate);
  if (!clientCertificate || !ca || !serverName) return undefined;
  return { url: 'https://127.0.0.1:10250', clientCertificate, ca, serverName };
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
