/** What sources say of containers, and which of them is believed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, B, C, cgroup, V2 } from '../support/containers-fixture.ts';
import { ids, nameOf, registryOf } from '../support/registry-fixture.ts';

test('of two sources the more trusted one wins, field by field; labels are those allowed', () => {
  const { registry } = registryOf();
  registry.made(cgroup(1n, `/docker/${A}`));
  registry.describe('other', [
    { id: A, name: 'other', image: 'redis:7', labels: { app: 'other', secret: 'x' }, runtime: 'podman' },
  ]);
  registry.describe('trusted', [{ id: A, name: 'web', podName: 'web-0', type: 'sidecar' }]);
  const [one] = registry.containers;
  assert.deepEqual(
    [one?.name, one?.image, one?.podName, one?.type, one?.runtime],
    ['web', 'redis:7', 'web-0', 'sidecar', 'docker'],
  );
  assert.deepEqual(one?.labels, { app: 'other' });
  registry.describe('trusted', []);
  assert.equal(registry.containers[0]?.name, 'other');
});

test('what is described before it is seen is known when it is seen', () => {
  const { registry } = registryOf();
  registry.describe('other', [{ id: A, name: 'web' }]);
  assert.deepEqual(registry.takeChanges().upserts, []);
  registry.made(cgroup(1n, `/docker/${A}`));
  assert.deepEqual(
    registry.takeChanges().upserts.map(({ name }) => name),
    ['web'],
  );
});

test('an answer that says the same again changes nothing', () => {
  const { registry } = registryOf();
  registry.made(cgroup(1n, `/docker/${A}`));
  registry.describe('other', [{ id: A, name: 'web', cgroupPaths: ['/web'] }]);
  registry.takeChanges();
  assert.deepEqual(registry.describe('other', [{ id: A, name: 'web', cgroupPaths: ['/web'] }]), []);
  assert.deepEqual(registry.takeChanges(), { upserts: [], units: [], removed: [], reassigned: false });
});

test('a cgroup without an id in its path is a container when a source says so, and readers must ask again', () => {
  const { registry } = registryOf();
  registry.made(cgroup(1n, '/default/web'));
  registry.made(cgroup(2n, '/default/web/init.scope'));
  assert.equal(nameOf(registry.owner(1n, 'unified')), 'host');
  const adopted = registry.describe('other', [{ id: 'web', runtime: 'runc', cgroupPaths: ['/default/web'] }]);
  assert.deepEqual(adopted, ['/default/web']);
  registry.made(cgroup(1n, '/default/web'));
  registry.made(cgroup(2n, '/default/web/init.scope'));
  registry.made(cgroup(3n, '/default/website'));
  assert.deepEqual(
    [1n, 2n, 3n].map((inode) => nameOf(registry.owner(inode, undefined))),
    ['web', 'web', 'host'],
  );
  const { upserts, reassigned } = registry.takeChanges();
  assert.deepEqual([upserts.map(({ id, runtime }) => [id, runtime]), reassigned], [[['web', 'runc']], true]);
});

test("a cgroup nobody calls a container any more is the host's again after the next walk", () => {
  const { registry } = registryOf();
  registry.describe('other', [{ id: 'web', cgroupPaths: ['/web'] }]);
  registry.made(cgroup(1n, '/web'));
  registry.describe('other', []);
  registry.takeChanges();
  registry.replace(V2.number, [cgroup(1n, '/web')]);
  assert.equal(nameOf(registry.owner(1n, undefined)), 'host');
  assert.deepEqual(registry.takeChanges(), { upserts: [], units: [], removed: ['web'], reassigned: true });
  assert.deepEqual(registry.containers, []);
});

test('of two that claim one path the more trusted has it, and it does not go to and fro', () => {
  const { registry } = registryOf();
  const details = [
    { id: 'one', cgroupPaths: ['/web'] },
    { id: 'two', cgroupPaths: ['/web'] },
  ];
  registry.made(cgroup(1n, '/web'));
  for (const [source, id] of [
    ['other', 'three'],
    ['trusted', 'one'],
  ] as const) {
    registry.describe(source, source === 'trusted' ? details : [{ id, cgroupPaths: ['/web'] }]);
    registry.made(cgroup(1n, '/web'));
    assert.equal(nameOf(registry.owner(1n, undefined)), id);
  }
  registry.takeChanges();
  assert.deepEqual(registry.describe('trusted', details), []);
  assert.deepEqual(registry.describe('other', [{ id: 'three', cgroupPaths: ['/web'] }]), []);
  assert.equal(registry.takeChanges().reassigned, false);
});

test('of adopted cgroups inside each other the innermost counts; what a path tells itself is not overruled', () => {
  const { registry } = registryOf();
  registry.describe('other', [
    { id: 'outer', cgroupPaths: ['/web'] },
    { id: 'inner', cgroupPaths: ['/web/inner'] },
    { id: 'liar', cgroupPaths: [`/docker/${A}`] },
  ]);
  const paths = ['/web', '/web/inner', '/web/inner/x', '/web/y', `/docker/${A}`, `/web/docker-${B}.scope`];
  for (const [index, path] of paths.entries()) registry.made(cgroup(BigInt(index), path));
  const owners = paths.map((_, index) => nameOf(registry.owner(BigInt(index), undefined)));
  assert.deepEqual(owners, ['outer', 'inner', 'inner', 'outer', A, B]);
});

test('hostile ids, labels and paths are data', () => {
  const { registry } = registryOf();
  const labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
  registry.describe('other', [{ id: '__proto__', cgroupPaths: ['/__proto__'], labels }]);
  registry.made(cgroup(1n, '/__proto__'));
  registry.made(cgroup(2n, ''));
  registry.made(cgroup(3n, '/'.repeat(5000)));
  registry.made({ hierarchy: 77, inode: 4n, path: `/docker/${A}` });
  registry.removed({ hierarchy: 77, inode: 4n });
  assert.equal(nameOf(registry.owner(1n, undefined)), '__proto__');
  assert.deepEqual(ids(registry.containers), ['__proto__']);
});

test('when what readers were told is unknown becomes known, they must ask again; a new cgroup makes them ask nothing', () => {
  const { registry } = registryOf();
  registry.made(cgroup(11n, `/docker/${A}`));
  assert.equal(registry.takeChanges().reassigned, false);
  assert.equal(nameOf(registry.owner(12n, 'cpu')), 'unknown');
  registry.toldUnknown(12n, 'cpu');
  registry.made(cgroup(12n, `/deep/${B}`));
  assert.equal(registry.takeChanges().reassigned, true);
  assert.equal(nameOf(registry.owner(12n, 'cpu')), B);
});

test('a container of which only its pod is told has what all of the pod have, and what is said of itself counts for more', () => {
  const { registry } = registryOf();
  const pod = '/kubepods/burstable/podaaaaaaaa-0000-4000-8000-000000000001';
  registry.made(cgroup(11n, `${pod}/${A}`));
  registry.made(cgroup(12n, `${pod}/${B}`));
  registry.made(cgroup(13n, `/kubepods/podother/${C}`));
  registry.takeChanges();
  const uid = 'aaaaaaaa-0000-4000-8000-000000000001';
  registry.describe('trusted', [
    { id: A, name: 'web', podName: 'web-0', hostname: 'web-0' },
    { id: uid, of: 'pod', podName: 'web-0', hostNamespace: 'shop', hostname: 'host', type: 'static' },
    { id: C, of: 'pod', podName: 'no container' },
  ]);
  const { upserts } = registry.takeChanges();
  const seen = upserts.map(({ id, name, podName, hostNamespace, hostname, type }) => [
    id,
    name,
    podName,
    hostNamespace,
    hostname,
    type,
  ]);
  assert.deepEqual(seen, [
    [A, 'web', 'web-0', 'shop', 'web-0', 'static'],
    [B, B.slice(0, 12), 'web-0', 'shop', 'host', 'static'],
  ]);
});
