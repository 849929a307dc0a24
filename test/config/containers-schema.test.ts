import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '../../src/config/issues.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ContainersConfig } from '../../src/containers/config.ts';
import { directoryWith, testCatalog } from './collectors.ts';

const catalog = await testCatalog();

/** The section as the agent gets it. */
function load(section: string): ContainersConfig {
  using directory = directoryWith({ 'huatuo.yaml': `containers: ${section}\n` });
  return loadConfig({ file: join(directory.path, 'huatuo.yaml'), overrides: [], catalog }).config.containers;
}

/** What is said about the one fault. */
function refusal(section: string): string {
  try {
    load(section);
  } catch (error) {
    assert.ok(error instanceof ConfigError && error.issues.length === 1, String(error));
    const [{ path, found, expected } = { path: '', found: '', expected: '' }] = error.issues;
    return `${path}: found ${found}, expected ${expected}`;
  }
  throw new assert.AssertionError({ message: `accepted ${section}` });
}

test('places are absolute paths, normalised, one or a list, or none', () => {
  const { docker, podman, cri, oci } = load(
    '{docker: none, podman: /run//p.sock, cri: [/run/x/../c.sock], oci: [/run, /run/user/1000/]}',
  );
  assert.deepEqual(
    { docker, podman, cri, oci },
    { docker: [], podman: ['/run/p.sock'], cri: ['/run/c.sock'], oci: ['/run', '/run/user/1000/'] },
  );
  assert.deepEqual(load('{cri: []}').cri, []);
});

test('a relative path and an empty one are refused', () => {
  assert.equal(
    refusal('{docker: docker.sock}'),
    'containers.docker: found "docker.sock", expected an absolute path, a list of them, or none',
  );
  assert.match(refusal('{oci: ""}'), /^containers\.oci: found "", expected an absolute path, a list/);
  for (const wrong of ['[run/p.sock]', '[/run/p.sock, 7]', '7', '{a: 1}', '[none]'])
    assert.match(refusal(`{podman: ${wrong}}`), /^containers\.podman: .* expected an absolute path, a list/);
  assert.equal(refusal('{cri: [none]}'), 'containers.cri[0]: found "none", expected an absolute path');
  assert.match(refusal('{cri: /run/c.sock}'), /^containers\.cri: .* expected a list of absolute paths$/);
});

test('waits and clocks have bounds', () => {
  const { wait_ms, keep_gone_ms, refresh_ms, timeout_ms } = load(
    '{wait: 0ms, keep_gone: 1h, refresh: 1s, timeout: 100ms}',
  );
  assert.deepEqual([wait_ms, keep_gone_ms, refresh_ms, timeout_ms], [0, 3_600_000, 1000, 100]);
  for (const [key, wrong] of [
    ['wait', '6s'],
    ['keep_gone', '500ms'],
    ['refresh', '0s'],
    ['timeout', '2m'],
  ])
    assert.match(refusal(`{${key}: ${wrong}}`), new RegExp(`^containers\\.${key}: .* from \\w+ to \\w+$`));
});

test('labels are a list of not too many, not too long keys', () => {
  assert.deepEqual(load('{labels: [app.kubernetes.io/name, "a b"]}').labels, [
    'app.kubernetes.io/name',
    'a b',
  ]);
  assert.match(refusal('{labels: app}'), /expected a list of label keys$/);
  assert.match(refusal('{labels: [""]}'), /^containers\.labels\[0\]: found "", expected a label$/);
  assert.match(refusal(`{labels: [${'x'.repeat(257)}]}`), /expected a label$/);
  assert.match(
    refusal(`{labels: [${Array.from({ length: 33 }, (_, index) => `l${index}`)}]}`),
    /^containers\.labels: /,
  );
});

test('a kubelet is configured by its url; without one the usual places are looked at', () => {
  assert.equal(load('{kubelet: {}}').kubelet, undefined);
  assert.deepEqual(load('{kubelet: {url: "http://127.0.0.1:10255"}}').kubelet, {
    url: 'http://127.0.0.1:10255',
  });
  assert.deepEqual(
    load(
      '{kubelet: {url: "https://[::1]:10250", client_certificate: /c.pem, client_key: /k.pem, token: /t, ca: /ca.pem, server_name: node-1}}',
    ).kubelet,
    {
      url: 'https://[::1]:10250',
      clientCertificate: '/c.pem',
      clientKey: '/k.pem',
      token: '/t',
      ca: '/ca.pem',
      serverName: 'node-1',
    },
  );
});

test('a kubelet that cannot be meant is refused before anybody is asked', () => {
  assert.match(refusal('{kubelet: {token: /t}}'), /containers\.kubelet\.url: found .*expected the URL that/);
  assert.equal(
    refusal('{kubelet: {url: "127.0.0.1:10250"}}'),
    'containers.kubelet.url: found "127.0.0.1:10250", expected an http or https URL, or empty',
  );
  assert.match(refusal('{kubelet: {url: "file:///etc/passwd"}}'), /expected an http or https URL/);
  for (const key of ['client_certificate', 'client_key', 'token', 'ca'])
    assert.equal(
      refusal(`{kubelet: {url: "https://k:1", ${key}: pki/x}}`),
      `containers.kubelet.${key}: found "pki/x", expected an absolute path, or empty`,
    );
  for (const wrong of ['10.0.0.1', 'a b', '"a\\nb"'])
    assert.match(
      refusal(`{kubelet: {url: "https://k:1", server_name: ${wrong}}}`),
      /expected a host name, or empty$/,
    );
  assert.match(refusal('{kubelet: {tokn: /t}}'), /^containers\.kubelet\.tokn: /);
});
