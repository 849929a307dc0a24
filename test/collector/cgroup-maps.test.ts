/** What is told to the programs that move the counts of removed cgroups, and how their maps are read. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ContainerCgroups, cgroupOf, readSteady } from '../../src/collector/cgroup-maps.ts';
import type { KernelMap } from '../../src/decoder/maps.ts';
import type { MapLayout } from '../../src/schema/manifest.ts';
import type { Container } from '../../src/sdk/container.ts';
import { container as fixture } from '../support/containers-fixture.ts';

const container = (cgroups: Readonly<Record<string, string>>, ...cgroupIds: bigint[]): Container =>
  fixture({ cgroups, cgroupIds });

test('the cgroup of a container is that of the controller’s hierarchy', () => {
  const both = container({ memory: '/mem/docker/a', cpu: '/cpu/docker/a' }, 10n, 20n);
  assert.equal(cgroupOf(both, 'cpu'), 20n);
  assert.equal(cgroupOf(both, 'memory'), 10n);
  assert.equal(cgroupOf(container({ memory: '/mem/docker/a' }, 10n), 'cpu'), undefined);
  // With cgroup v2 there is one hierarchy for all controllers.
  assert.equal(cgroupOf(container({ unified: '/u/a' }, 1n), 'cpu'), 1n);
});

/** A map that counts what is written to it. */
function written(maxEntries: number) {
  const ids = new Set<bigint>();
  let calls = 0;
  const map = {
    layout: { maxEntries },
    async set(id: bigint): Promise<void> {
      calls++;
      ids.add(id);
    },
    async delete(id: bigint): Promise<void> {
      calls++;
      ids.delete(id);
    },
  } as unknown as KernelMap<unknown, unknown>;
  return { ids, map, calls: () => calls };
}

const CGROUPS = [{ key: [{ format: 'cgroup_id', controller: 'cpu' }] }] as unknown as MapLayout[];
const containers = (...ids: readonly bigint[]): Container[] =>
  ids.map((id) => container({ cpu: `/c${id}` }, id));

test('programs are told of containers once, and of their end', async () => {
  const { ids, map, calls } = written(100);
  const cgroups = new ContainerCgroups(CGROUPS);
  await cgroups.tell(map, containers(1n, 2n));
  await cgroups.tell(map, containers(1n, 2n));
  assert.deepEqual([ids, calls()], [new Set([1n, 2n]), 2]);
  await cgroups.tell(map, containers(2n, 3n));
  assert.deepEqual([ids, calls()], [new Set([2n, 3n]), 4]);
});

test('more containers than the map has room for, or than one scrape has time for, are left out until there is', async () => {
  const { ids, map } = written(2);
  const cgroups = new ContainerCgroups(CGROUPS);
  await cgroups.tell(map, containers(1n, 2n, 3n));
  assert.deepEqual(ids, new Set([1n, 2n]));
  await cgroups.tell(map, containers(2n, 3n));
  assert.deepEqual(ids, new Set([2n, 3n]));

  const many = containers(...Array.from({ length: 1500 }, (_, index) => BigInt(index + 1)));
  const large = written(16_384);
  const later = new ContainerCgroups(CGROUPS);
  await later.tell(large.map, many);
  assert.equal(large.ids.size, 1024);
  await later.tell(large.map, many);
  assert.equal(large.ids.size, 1500);
});

/** A map whose entries are what each reading finds, and the count of removals at each question. */
function readings(found: readonly string[], removals: readonly number[]) {
  let reading = 0;
  let question = 0;
  const map = {
    async *raw() {
      yield [found[Math.min(reading++, found.length - 1)], []] as const;
    },
    async *entries() {
      yield [0, { cgroups_ended: removals[Math.min(question++, removals.length - 1)] }] as const;
    },
  } as unknown as KernelMap<unknown, unknown>;
  return { map, count: () => reading };
}

test('a reading in which a cgroup was removed is not shown', async () => {
  const { map } = readings(['torn', 'torn again', 'whole'], [0, 1, 3, 3]);
  assert.deepEqual(await readSteady(map, () => map), [{ key: 'whole', views: [] }]);
});

test('where cgroups are removed all the time the reading ends all the same', async () => {
  const { map, count } = readings(
    ['torn'],
    Array.from({ length: 100 }, (_, index) => index),
  );
  assert.deepEqual(await readSteady(map, () => map), [{ key: 'torn', views: [] }]);
  assert.ok(count() > 1);
});

test('a map without counters of cgroups is read once', async () => {
  const { map, count } = readings(['whole'], []);
  await readSteady(map, undefined);
  assert.equal(count(), 1);
});
