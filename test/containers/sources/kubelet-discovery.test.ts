import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { kubelet } from '../../../src/containers/sources/kubelet.ts';
import { discoverKubelet } from '../../../src/containers/sources/kubelet-discovery.ts';
import { certificate, certificateAuthority, Files, KubeletServer } from './kubelet-server.ts';

const ca = await certificateAuthority('cluster');
const client = await certificate(ca, 'system:node:node-a', ['node-a']);
const CURRENT = { 'var/lib/kubelet/pki/kubelet-client-current.pem': `${client.cert}\n${client.key}` };
const CLUSTER_CA = { 'etc/kubernetes/pki/ca.crt': ca.cert };
const SERVICE_ACCOUNT = {
  'var/run/secrets/kubernetes.io/serviceaccount/token': 'token-of-the-pod',
  'var/run/secrets/kubernetes.io/serviceaccount/ca.crt': ca.cert,
};
const IN_POD = { KUBERNETES_SERVICE_HOST: '192.0.2.1', NODE_IP: '192.0.2.10' };

/** A root directory with these files. */
class Root extends Files {
  constructor(files: Record<string, string>) {
    super();
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(this.directory, dirname(path)), { recursive: true });
      this.write(path, content);
    }
  }

  at(path: string): string {
    return join(this.directory, path);
  }
}

test('nothing of Kubernetes: undefined, also inside a pod without its files', () => {
  using root = new Root({});
  assert.equal(discoverKubelet(root.directory, {}), undefined);
  assert.equal(discoverKubelet(root.directory, IN_POD), undefined);
});

test('a pod asks the kubelet of its node with its service account', () => {
  using root = new Root(SERVICE_ACCOUNT);
  const files = {
    token: root.at('var/run/secrets/kubernetes.io/serviceaccount/token'),
    ca: root.at('var/run/secrets/kubernetes.io/serviceaccount/ca.crt'),
  };
  assert.deepEqual(discoverKubelet(root.directory, IN_POD), { url: 'https://192.0.2.10:10250', ...files });
  const v6 = { KUBERNETES_SERVICE_HOST: '2001:db8::1', HOST_IP: '2001:db8::10' };
  assert.deepEqual(discoverKubelet(root.directory, v6), { url: 'https://[2001:db8::10]:10250', ...files });
});

test('a pod that does not know its node by address, or is none, has no kubelet to ask', () => {
  using root = new Root(SERVICE_ACCOUNT);
  const environments: Record<string, string>[] = [
    {},
    { NODE_IP: '192.0.2.10' },
    { KUBERNETES_SERVICE_HOST: '192.0.2.1' },
    { ...IN_POD, NODE_IP: 'evil.example/?' },
  ];
  for (const env of environments) assert.equal(discoverKubelet(root.directory, env), undefined);
});

test("a node asks with kubelet's own certificate; its name is in it", () => {
  using root = new Root({ ...CURRENT, ...CLUSTER_CA });
  assert.deepEqual(discoverKubelet(root.directory, {}), {
    url: 'https://127.0.0.1:10250',
    clientCertificate: root.at('var/lib/kubelet/pki/kubelet-client-current.pem'),
    ca: root.at('etc/kubernetes/pki/ca.crt'),
    serverName: 'node-a',
  });
});

test('distributions keep theirs in places of their own', async () => {
  const { cert, key } = await certificate(ca, 'system:node:node-b', []);
  const pair = (directory: string, name: string): Record<string, string> => ({
    [`${directory}/${name}.crt`]: cert,
    [`${directory}/${name}.key`]: key,
  });
  const places: readonly (readonly [files: Record<string, string>, ca: string])[] = [
    [pair('var/lib/rancher/k3s/agent', 'client-kubelet'), 'var/lib/rancher/k3s/agent/server-ca.crt'],
    [pair('var/lib/rancher/rke2/agent', 'client-kubelet'), 'var/lib/rancher/rke2/agent/server-ca.crt'],
    [{ 'var/lib/k0s/kubelet/pki/kubelet-client-current.pem': `${cert}\n${key}` }, 'var/lib/k0s/pki/ca.crt'],
    [pair('var/snap/microk8s/current/certs', 'kubelet'), 'var/snap/microk8s/current/certs/ca.crt'],
  ];
  for (const [files, authority] of places) {
    using root = new Root({ ...files, [authority]: ca.cert });
    const [clientCertificate = '', clientKey] = Object.keys(files).map((path) => root.at(path));
    assert.deepEqual(discoverKubelet(root.directory, {}), {
      url: 'https://127.0.0.1:10250',
      clientCertificate,
      ...(clientKey && { clientKey }),
      ca: root.at(authority),
      serverName: 'node-b',
    });
    for (const missing of [authority, ...Object.keys(files)]) {
      using partial = new Root({ ...files, [authority]: ca.cert });
      rmSync(partial.at(missing));
      assert.equal(discoverKubelet(partial.directory, {}), undefined, missing);
    }
  }
});

test('a kubelet that signed for itself is verified by what it signed, unless the cluster signs now', () => {
  const own = { 'var/lib/kubelet/pki/kubelet.crt': ca.cert };
  const signed = { 'var/lib/kubelet/pki/kubelet-server-current.pem': 'pem' };
  using self = new Root({ ...CURRENT, ...CLUSTER_CA, ...own });
  assert.equal(discoverKubelet(self.directory, {})?.ca, self.at('var/lib/kubelet/pki/kubelet.crt'));
  using cluster = new Root({ ...CURRENT, ...CLUSTER_CA, ...own, ...signed });
  assert.equal(discoverKubelet(cluster.directory, {})?.ca, cluster.at('etc/kubernetes/pki/ca.crt'));
});

test('a node without a CA, without a certificate, or with one of somebody else: undefined', async () => {
  const other = await certificate(ca, 'agent', ['agent']);
  const trees: Record<string, string>[] = [
    CURRENT,
    CLUSTER_CA,
    { ...CLUSTER_CA, 'var/lib/kubelet/pki/kubelet-client-current.pem': other.cert },
    { ...CLUSTER_CA, 'var/lib/kubelet/pki/kubelet-client-current.pem': 'no certificate' },
    { ...CLUSTER_CA, 'var/lib/kubelet/pki/kubelet-client-current.pem/x': 'a directory' },
  ];
  for (const tree of trees) {
    using root = new Root(tree);
    assert.equal(discoverKubelet(root.directory, {}), undefined);
  }
});

test("what is found on a node opens a kubelet whose certificate has the node's name only", async () => {
  using root = new Root({ ...CURRENT, ...CLUSTER_CA });
  const node = await certificate(ca, 'node-a', ['node-a']);
  const tls = { ...node, ca: ca.cert, requestCert: true, rejectUnauthorized: true };
  await using server = await KubeletServer.start(
    (_, response) => void response.end('{"kind":"PodList","items":null}'),
    tls,
  );
  const found = discoverKubelet(root.directory, {});
  assert.ok(found);
  using source = kubelet({ ...found, url: `https://${server.host}` });
  assert.deepEqual(await source.list(AbortSignal.timeout(20_000)), []);
});
