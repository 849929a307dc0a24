import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ContainersConfig } from '../../../src/containers/config.ts';
import { openSources } from '../../../src/containers/sources/open.ts';

const directory = mkdtempSync(join(tmpdir(), 'huatuo-sources-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const CONFIG: ContainersConfig = {
  wait_ms: 100,
  keep_gone_ms: 1000,
  labels: [],
  refresh_ms: 1000,
  timeout_ms: 1000,
  docker: ['/nonexistent/docker.sock', '/run/user/1000/docker.sock'],
  podman: [],
  cri: ['/nonexistent/containerd.sock'],
  oci: [directory],
  units: { enabled: false, include: '', exclude: '', max: 1 },
  kubelet: { url: 'https://user:secret@127.0.0.1:10250/' },
};

test('sources come in the order of trust, those that are switched off do not, and no place shows a password', () => {
  const sources = openSources(CONFIG, '/proc');
  assert.deepEqual(
    sources.map(({ name, place }) => [name, place]),
    [
      ['kubelet', 'https://127.0.0.1:10250'],
      ['cri', '/nonexistent/containerd.sock'],
      ['docker', '/nonexistent/docker.sock'],
      ['docker', '/run/user/1000/docker.sock'],
      ['oci', directory],
    ],
  );
});

test('a directory of a runtime makes the OCI source present, and what is there is read', async () => {
  const oci = openSources(CONFIG, '/proc').at(-1);
  assert.ok(oci && !oci.present());
  mkdirSync(join(directory, 'runc', 'broken'), { recursive: true });
  writeFileSync(join(directory, 'runc', 'broken', 'state.json'), '{"id": ');
  assert.ok(oci.present());
  await assert.rejects(oci.list(AbortSignal.timeout(5000)), /CONTAINER_SOURCE_FAILED|not JSON/);
});

test('a source that was disposed of is not asked any more', async () => {
  const [kubelet] = openSources(CONFIG, '/proc');
  kubelet?.[Symbol.dispose]();
  await assert.rejects(async () => kubelet?.list(AbortSignal.timeout(5000)), {
    code: 'CONTAINER_SOURCE_FAILED',
  });
});
