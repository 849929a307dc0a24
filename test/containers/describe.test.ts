import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../../src/containers/container.ts';
import { containerFragment, containerLabels } from '../../src/containers/describe.ts';

const container: Container = {
  id: 'ab'.repeat(32),
  hostname: 'web-0',
  name: 'nginx',
  hostNamespace: '',
  type: 'normal',
  qos: 'burstable',
  cgroups: {},
  cgroupIds: [],
};

test('the fragment continues a JSON object', () => {
  assert.equal(
    containerFragment(container),
    `,"container_id":"${container.id}","container_hostname":"web-0","container_type":"normal","container_qos":"burstable"`,
  );
});

test('a known namespace is in the fragment, and hostile names are escaped', () => {
  const hostile = { ...container, hostname: 'a"\n\\\u0000', hostNamespace: 'kube-system' };
  const parsed = JSON.parse(`{"tracer_name":"oom"${containerFragment(hostile)}}`);
  assert.equal(parsed.container_hostname, hostile.hostname);
  assert.equal(parsed.container_host_namespace, 'kube-system');
});

test('labels have the names of the existing dashboards', () => {
  assert.deepEqual(containerLabels(container), {
    container_host: 'web-0',
    container_name: 'nginx',
    container_type: 'normal',
    container_level: 'burstable',
    container_hostnamespace: '',
  });
});
