import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainersClient } from '../../src/containers/client.ts';
import { SnapshotContainers, SnapshotWriter } from '../../src/containers/snapshot.ts';
import type { Container, Unit } from '../../src/sdk/container.ts';
import { A, B, container } from '../support/containers-fixture.ts';

/** A client as far as snapshots are made of it. */
function clientOf(list: readonly Container[], units: readonly Unit[] = []) {
  return { version: 1, list: () => list, units: () => units } as unknown as ContainersClient & {
    version: number;
  };
}

function snapshotOf(list: readonly Container[]): SnapshotContainers {
  const containers = new SnapshotContainers();
  containers.use(new SnapshotWriter(clientOf(list)).get());
  return containers;
}

test('what is read is what was written, inode numbers beyond 2^53 and hostile names included', () => {
  const list = [
    container({ name: 'a"\n\ud800', cgroups: { unified: '/cg/x' }, cgroupIds: [2n ** 64n - 1n] }),
    container({ id: B, labels: JSON.parse('{"__proto__":"x"}') as Record<string, string> }),
  ];
  assert.deepEqual(snapshotOf(list).list(), list);
  const units = [{ id: 'x.service', cgroups: { unified: '/cg/x' }, cgroupIds: [2n ** 64n - 1n] }];
  const containers = new SnapshotContainers();
  containers.use(new SnapshotWriter(clientOf([], units)).get());
  assert.deepEqual([containers.list(), containers.units()], [[], units]);
});

test('it is written once for each version and parsed once for each', () => {
  const client = clientOf([container()]);
  const writer = new SnapshotWriter(client);
  const first = writer.get();
  assert.equal(writer.get(), first);
  const reader = new SnapshotContainers();
  reader.use(first);
  const list = reader.list();
  reader.use(writer.get());
  assert.equal(reader.list(), list);
  client.version = 2;
  reader.use(writer.get());
  assert.notEqual(reader.list(), list);
  assert.deepEqual(reader.list(), list);
});

test('nothing is known before the first snapshot', async () => {
  const reader = new SnapshotContainers();
  assert.deepEqual(reader.list(), []);
  assert.equal(await reader.byCgroupId(1n), undefined);
});

test('a cgroup id is looked for in the hierarchy of its controller: v1 if it is there, else v2', async () => {
  const list = [
    container({ cgroups: { memory: '/m/a', unified: '/u/a' }, cgroupIds: [7n, 8n] }),
    container({ id: B, cgroups: { memory: '/m/b', unified: '/u/b' }, cgroupIds: [8n, 9n] }),
  ];
  const containers = snapshotOf(list);
  assert.equal((await containers.byCgroupId(8n, 'memory'))?.id, B);
  assert.equal((await containers.byCgroupId(8n, 'unified'))?.id, A);
  assert.equal((await containers.byCgroupId(8n, 'io'))?.id, A);
  assert.equal((await containers.byCgroupId(7n))?.id, A);
  assert.equal(await containers.byCgroupId(7n, 'unified'), undefined);
});
