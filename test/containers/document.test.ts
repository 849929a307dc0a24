import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containersDocument } from '../../src/containers/document.ts';
import type { Container } from '../../src/sdk/container.ts';
import { NO_CONTAINERS } from '../support/no-containers.ts';

const CONTAINER: Container = {
  id: 'a'.repeat(64),
  runtime: 'docker',
  hostname: 'web-7f',
  name: 'web',
  image: 'web:1',
  podName: 'web-7f',
  hostNamespace: 'shop',
  labels: { 'app.kubernetes.io/name': 'web' },
  type: 'normal',
  qos: 'unknown',
  netnsInode: 4_026_531_840,
  initPid: 42,
  startTime: '2026-01-01T00:00:00Z',
  cgroups: { unified: '/sys/fs/cgroup/web' },
  cgroupIds: [2n ** 63n],
};

test('inode numbers of cgroups are text, and what is not known is absent', () => {
  const { netnsInode, initPid, startTime, ...little } = CONTAINER;
  const { containers } = containersDocument([CONTAINER, { ...little, name: 'db' }], NO_CONTAINERS.status);
  const cgroupIds = ['9223372036854775808'];
  assert.deepEqual(JSON.parse(JSON.stringify(containers)), [
    { ...little, name: 'db', cgroupIds },
    { ...CONTAINER, cgroupIds },
  ]);
});
