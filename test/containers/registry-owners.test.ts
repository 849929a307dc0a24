/** Whose a cgroup is: by its path, in its hierarchy. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hierarchy } from '../../src/procfs/cgroup-hierarchies.ts';
import { A, B, C, CPU, cgroup, MEMORY, V2 } from '../support/containers-fixture.ts';
import { ids, nameOf, registryOf } from '../support/registry-fixture.ts';

test('a v2 container owns its cgroup and those below it, whatever the controller; its parents are not its own', () => {
  const { registry } = registryOf();
  const pod = '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice';
  const top = `${pod}/cri-containerd-${A}.scope`;
  for (const [inode, path] of [
    [1n, pod],
    [2n, top],
    [3n, `${top}/init/worker`],
  ] as const)
    registry.made(cgroup(inode, path));
  const [one, ...others] = registry.containers;
  assert.deepEqual(others, []);
  assert.deepEqual(one, {
    id: A,
    runtime: 'containerd',
    hostname: A.slice(0, 12),
    name: A.slice(0, 12),
    image: '',
    podName: '',
    hostNamespace: '',
    labels: {},
    type: 'normal',
    qos: 'burstable',
    cgroups: { unified: `/cg${top}` },
    cgroupIds: [2n],
  });
  assert.equal(nameOf(registry.owner(2n, 'unified')), A);
  assert.equal(nameOf(registry.owner(3n, 'memory')), A);
  assert.equal(nameOf(registry.owner(3n, undefined)), A);
  assert.equal(nameOf(registry.owner(1n, undefined)), 'kubepods-burstable-pod1_2.slice');
  assert.equal(nameOf(registry.owner(99n, undefined)), 'unknown');
});

test('v1 hierarchies are joined by id, and controllers may share one', () => {
  const { registry } = registryOf([MEMORY, CPU]);
  registry.made(cgroup(7n, `/docker/${A}`, MEMORY));
  registry.made(cgroup(8n, `/docker/${A}`, CPU));
  const [one] = registry.containers;
  assert.deepEqual(one?.cgroups, {
    memory: `/cg/memory/docker/${A}`,
    cpu: `/cg/cpu/docker/${A}`,
    cpuacct: `/cg/cpu/docker/${A}`,
  });
  assert.deepEqual(one?.cgroupIds, [7n, 8n, 8n]);
  assert.equal(nameOf(registry.owner(8n, 'cpuacct')), A);
  assert.equal(nameOf(registry.owner(8n, 'memory')), 'unknown');
});

test('an inode that means different containers in different v1 hierarchies needs its controller', () => {
  const { registry } = registryOf([MEMORY, CPU]);
  registry.made(cgroup(7n, `/docker/${A}`, MEMORY));
  registry.made(cgroup(7n, `/docker/${B}`, CPU));
  assert.equal(nameOf(registry.owner(7n, 'memory')), A);
  assert.equal(nameOf(registry.owner(7n, 'cpu')), B);
  assert.equal(nameOf(registry.owner(7n, undefined)), 'unknown');
});

test('on a hybrid host a controller of v1 is never looked for in v2, one that is not on v1 always', () => {
  const { registry } = registryOf([V2, MEMORY]);
  registry.made(cgroup(7n, `/docker/${A}`, MEMORY));
  registry.made(cgroup(7n, `/docker/${B}`, V2));
  assert.equal(nameOf(registry.owner(7n, 'memory')), A);
  assert.equal(nameOf(registry.owner(7n, 'io')), B);
});

test('a container inside a container stands for itself; the same id again does not', () => {
  const { registry } = registryOf();
  const paths = [
    `/docker/${A}`,
    `/docker/${A}/scope/${A}`,
    `/docker/${A}/kubelet/kubepods/besteffort/pod1/${B}`,
    `/docker/${A}/kubelet`,
  ];
  for (const [index, path] of paths.entries()) registry.made(cgroup(BigInt(index), path));
  const owners = paths.map((_, index) => nameOf(registry.owner(BigInt(index), 'unified')));
  assert.deepEqual(owners, [A, A, B, A]);
  assert.deepEqual(
    registry.containers.map(({ qos }) => qos),
    ['unknown', 'besteffort'],
  );
  assert.deepEqual(registry.containers[0]?.cgroupIds, [0n]);
});

test('a unit owns what is in it, and is no container', () => {
  const { registry } = registryOf();
  registry.made(cgroup(1n, '/system.slice/nginx.service'));
  registry.made(cgroup(2n, '/system.slice/nginx.service/worker'));
  assert.deepEqual(registry.owner(2n, 'unified'), {
    type: 'unit',
    name: 'nginx.service',
    cgroupPath: '/system.slice/nginx.service/worker',
  });
  assert.deepEqual(registry.containers, []);
  assert.deepEqual(registry.takeChanges(), { upserts: [], units: [], removed: [], reassigned: false });
  assert.equal(registry.counts.units, 1);
});

test('a walk of one hierarchy says nothing about another', () => {
  const { registry } = registryOf([MEMORY, CPU]);
  registry.made(cgroup(7n, `/docker/${A}`, MEMORY));
  registry.made(cgroup(8n, `/docker/${A}`, CPU));
  registry.made(cgroup(9n, `/docker/${B}`, CPU));
  registry.replace(CPU.number, []);
  assert.deepEqual(ids(registry.containers), [A]);
  registry.replace(MEMORY.number, [cgroup(7n, `/docker/${A}`, MEMORY), cgroup(10n, `/docker/${C}`, MEMORY)]);
  assert.deepEqual(ids(registry.containers), [A, C]);
});

test('the root of a hierarchy is the host, also where it is not seen', () => {
  const { registry } = registryOf([MEMORY, CPU]);
  assert.deepEqual(registry.owner(1n, 'cpu'), { type: 'host', cgroupPath: '/' });
});

test('an id with its hierarchy in front is looked for there, whatever the controller', () => {
  const { registry } = registryOf([V2, CPU, MEMORY]);
  registry.made(cgroup(7n, `/user.slice/libpod-${A}.scope`, V2));
  registry.made(cgroup(7n, '/batch', CPU));
  registry.made(cgroup(7n, `/docker/${B}`, MEMORY));
  const marked = (hierarchy: Hierarchy): bigint => (BigInt(hierarchy.number + 1) << 56n) | 7n;
  assert.equal(nameOf(registry.owner(marked(V2), 'cpu')), A);
  assert.equal(nameOf(registry.owner(marked(MEMORY), 'cpu')), B);
  assert.equal(nameOf(registry.owner(7n, 'cpu')), 'host');
  assert.equal(nameOf(registry.owner((99n << 56n) | 7n, 'cpu')), 'unknown');
});
