/** What is told to the programs that move the counts of removed cgroups, and how their maps are read. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { nestedCgroups, readSteady } from '../../src/collector/cgroup-maps.ts';
import type { KernelMap } from '../../src/decoder/maps.ts';
import type { Container } from '../../src/sdk/container.ts';

const container = (cgroups: Readonly<Record<string, string>>, ...cgroupIds: bigint[]): Container => ({
  id: Object.values(cgroups)[0] ?? '',
  runtime: 'unknown',
  hostname: '',
  name: '',
  image: '',
  podName: '',
  hostNamespace: '',
  labels: {},
  type: 'normal',
  qos: 'unknown',
  cgroups,
  cgroupIds,
});

test('containers that are below others are named by the inode of the controller’s hierarchy', () => {
  const node = container({ memory: '/mem/docker/node', cpu: '/cpu/docker/node' }, 10n, 20n);
  const pod = container({ memory: '/mem/docker/node/pods/a', cpu: '/cpu/docker/node/pods/a' }, 11n, 21n);
  const beside = container({ memory: '/mem/docker/node2', cpu: '/cpu/docker/node2' }, 12n, 22n);
  assert.deepEqual(nestedCgroups([node, pod, beside], 'cpu'), new Set([21n]));
  assert.deepEqual(nestedCgroups([node, pod, beside], 'memory'), new Set([11n]));
  assert.deepEqual(nestedCgroups([pod, beside], 'cpu'), new Set());
});

test('with cgroup v2 there is one hierarchy for all controllers', () => {
  const outer = container({ unified: '/u/outer' }, 1n);
  const inner = container({ unified: '/u/outer/inner' }, 2n);
  assert.deepEqual(nestedCgroups([outer, inner], 'cpu'), new Set([2n]));
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
