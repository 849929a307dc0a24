import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Entity, type Ownership } from '../../src/containers/entity.ts';
import type { ContainerDetails } from '../../src/containers/sources/source.ts';
import { A, CPU, cgroup, MEMORY } from '../support/containers-fixture.ts';

const OWNERSHIP: Ownership = {
  kind: 'container',
  id: A,
  name: A,
  runtime: 'unknown',
  qos: 'burstable',
  path: `/docker/${A}`,
};

function entityWith(ownership: Ownership = OWNERSHIP): Entity {
  const entity = new Entity(ownership, true);
  entity.add(cgroup(1n, ownership.path, MEMORY), MEMORY, true);
  return entity;
}

function containerOf(entity: Entity, details: readonly ContainerDetails[] = [], allowed: string[] = []) {
  return entity.container(() => details, allowed);
}

test('it is empty when its last directory is gone, in whatever order they go', () => {
  const entity = entityWith();
  entity.add(cgroup(2n, `/docker/${A}/init`, MEMORY), MEMORY, false);
  assert.equal(entity.isEmpty, false);
  entity.remove(cgroup(1n, '', MEMORY));
  assert.deepEqual([entity.isEmpty, entity.holds(cgroup(1n, '', MEMORY))], [false, false]);
  entity.remove(cgroup(2n, '', MEMORY));
  assert.equal(entity.isEmpty, true);
});

test('only its own directories are listed, and of the same number only that of its hierarchy', () => {
  const entity = entityWith();
  entity.add(cgroup(2n, `/docker/${A}/init`, MEMORY), MEMORY, false);
  assert.equal(entity.holds(cgroup(1n, '', CPU)), false);
  assert.deepEqual(containerOf(entity)?.cgroups, { memory: `/cg/memory/docker/${A}` });
  assert.deepEqual(containerOf(entity)?.cgroupIds, [1n]);
});

test("a directory that is gone is still told; one that was another owner's is not", () => {
  const entity = entityWith();
  entity.remove(cgroup(1n, '', MEMORY));
  assert.deepEqual(containerOf(entity)?.cgroupIds, [1n]);
  entity.drop(cgroup(1n, '', MEMORY));
  assert.deepEqual(containerOf(entity)?.cgroupIds, []);
});

test('a hierarchy of which the agent sees another part names no directory', () => {
  const entity = new Entity(OWNERSHIP, true);
  const part = { ...MEMORY, root: '/kubepods' };
  entity.add(cgroup(1n, OWNERSHIP.path, part), part, true);
  assert.deepEqual([containerOf(entity)?.cgroups, containerOf(entity)?.cgroupIds], [{}, []]);
});

test('a unit is no container and has no process to look for', () => {
  const entity = entityWith({ kind: 'unit', name: 'x.service', path: '/x.service' });
  assert.equal(containerOf(entity), undefined);
  assert.equal(entity.isObserved, true);
});

test('what the path says of runtime and qos stands, unless it says nothing', () => {
  const details = [{ id: A, runtime: 'podman', qos: 'guaranteed' } as const];
  const one = containerOf(entityWith(), details);
  assert.deepEqual([one?.runtime, one?.qos], ['podman', 'burstable']);
});

test('a drawn id is shown short, a name that a person gave in full, and an empty text as if it were not there', () => {
  assert.equal(containerOf(entityWith())?.name, A.slice(0, 12));
  const named: Ownership = { ...OWNERSHIP, id: 'my-long-machine-name', name: 'my-long-machine-name' };
  assert.equal(containerOf(entityWith(named))?.hostname, 'my-long-machine-name');
  assert.equal(containerOf(entityWith(), [{ id: A, name: '', hostname: '' }])?.name, A.slice(0, 12));
});

test('what this host was seen to run counts more than what a source says', () => {
  const entity = entityWith();
  const details = [{ id: A, initPid: 1, startTime: 'said' }];
  assert.deepEqual([containerOf(entity, details)?.initPid, entity.isObserved], [1, false]);
  entity.observe({ initPid: 2, netnsInode: 3, startTime: 'seen' });
  const one = containerOf(entity, details);
  assert.deepEqual([one?.initPid, one?.netnsInode, one?.startTime, entity.isObserved], [2, 3, 'seen', true]);
});

test('labels of several sources are put together, in the order in which they are allowed', () => {
  const details = [
    { id: A, labels: { app: 'first', team: 'x' } },
    { id: A, labels: { app: 'second', tier: 'db', secret: 's' } },
  ];
  const labels = containerOf(entityWith(), details, ['tier', 'app', 'missing', 'toString'])?.labels;
  assert.deepEqual(Object.entries(labels ?? {}), [
    ['tier', 'db'],
    ['app', 'first'],
  ]);
});

test('it is put together once for each change', () => {
  const entity = entityWith();
  let asked = 0;
  const get = () =>
    entity.container(() => {
      asked += 1;
      return [];
    }, []);
  assert.equal(get(), get());
  assert.equal(asked, 1);
  entity.changed();
  get();
  assert.equal(asked, 2);
});
