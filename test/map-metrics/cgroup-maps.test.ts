/** What is told to the programs that move the counts of removed cgroups, and how their maps are read. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { KernelMap } from '../../src/decoder/maps.ts';
import { ContainerCgroups, cgroupOf, readSteady } from '../../src/map-metrics/cgroup-maps.ts';
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
      assert.ok(ids.size <= maxEntries, 'E2BIG');
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

/** An object of one map, whose entries are what each reading finds, and the count of removals at each question. */
function readings(found: readonly string[], removals: readonly number[], isWhole = true) {
  let question = 0;
  const asked: string[][] = [];
  const map = {
    isWhole,
    async *raw() {
      yield [
        found[Math.min(asked.filter((names) => names.includes('map')).length, found.length) - 1],
        [],
      ] as const;
    },
  } as unknown as KernelMap<unknown, unknown>;
  const globals = (): KernelMap<unknown, unknown> => {
    const count = removals[Math.min(question++, removals.length - 1)];
    return {
      isWhole: true,
      async *entries() {
        yield [0, { cgroups_ended: count }] as const;
      },
    } as unknown as KernelMap<unknown, unknown>;
  };
  const read = async (names: readonly string[]) => {
    asked.push([...names]);
    return names.map((name) => (name === 'map' ? map : globals()));
  };
  return { read, map, asked };
}

test('all maps are read with one question, which asks for removals before and behind them', async () => {
  const object = readings(['whole'], [0]);
  assert.deepEqual(await readSteady(object, ['map'], true), [
    { map: object.map, entries: [{ key: 'whole', views: [] }] },
  ]);
  assert.deepEqual(object.asked, [['.bss', 'map', '.bss']]);
});

test('a reading in which a cgroup was removed is not shown', async () => {
  const object = readings(['torn', 'torn again', 'whole'], [0, 1, 1, 3, 3, 3]);
  const [reading] = await readSteady(object, ['map'], true);
  assert.deepEqual(reading?.entries, [{ key: 'whole', views: [] }]);
});

test('what was removed while a map was read on that is larger than one answer is seen, too', async () => {
  const object = readings(['torn', 'whole'], [0, 0, 1, 1, 1, 1], false);
  const [reading] = await readSteady(object, ['map'], true);
  assert.deepEqual(reading?.entries, [{ key: 'whole', views: [] }]);
});

test('where cgroups are removed all the time the reading ends all the same', async () => {
  const object = readings(
    ['torn'],
    Array.from({ length: 100 }, (_, index) => index),
  );
  const [reading] = await readSteady(object, ['map'], true);
  assert.deepEqual(reading?.entries, [{ key: 'torn', views: [] }]);
  assert.ok(object.asked.length > 1);
});

test('maps without counters of cgroups are read once', async () => {
  const object = readings(['whole'], [], false);
  await readSteady(object, ['map'], false);
  assert.deepEqual(object.asked, [['map']]);
});
