/** Units of systemd that have series: which ones, as what readers are told, and over their restarts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContainerRegistry } from '../../src/containers/registry.ts';
import type { UnitsConfig } from '../../src/containers/unit-series.ts';
import type { Hierarchy } from '../../src/procfs/cgroup-hierarchies.ts';
import { A, CPU, cgroup, MEMORY, V2 } from '../support/containers-fixture.ts';

const SERVICES: UnitsConfig = { enabled: true, include: '.*\\.service', exclude: 'noisy.*', max: 3 };

function registryOf(units: Partial<UnitsConfig> = {}, hierarchies: readonly Hierarchy[] = [V2]) {
  return new ContainerRegistry({
    hierarchies,
    keepGone_ms: 1000,
    labels: [],
    sources: [],
    units: { ...SERVICES, ...units },
    now_ms: () => 1,
  });
}

/** What an owner of a cgroup is told to be, as far as series go. */
function seriesOf(registry: ContainerRegistry, inode: bigint, controller = 'unified') {
  const owner = registry.owner(inode, controller);
  return owner.type === 'unit' ? [owner.name, owner.top] : owner.type;
}

test('services have series, with their own cgroups; scopes, slices and what is excluded have none', () => {
  const registry = registryOf();
  for (const [inode, path] of [
    [1n, '/system.slice'],
    [2n, '/system.slice/nginx.service'],
    [3n, '/system.slice/nginx.service/worker'],
    [4n, '/system.slice/noisy@1.service'],
    [5n, '/user.slice/user-0.slice/session-1.scope'],
  ] as const)
    registry.made(cgroup(inode, path));
  const nginx = {
    id: 'nginx.service',
    cgroups: { unified: '/cg/system.slice/nginx.service' },
    cgroupIds: [2n],
  };
  assert.deepEqual(registry.units, [nginx]);
  assert.deepEqual(registry.takeChanges(), { upserts: [], units: [nginx], removed: [], reassigned: false });
  assert.deepEqual(seriesOf(registry, 3n), ['nginx.service', 2n]);
  assert.deepEqual(seriesOf(registry, 4n), ['noisy@1.service', undefined]);
  assert.deepEqual([registry.counts.units, registry.counts.units_with_series], [4, 1]);
});

test('a container inside of a unit is a container, and slices of pods are none of systemd', () => {
  const registry = registryOf({ include: '' });
  registry.made(cgroup(1n, '/system.slice/web.service'));
  registry.made(cgroup(2n, `/system.slice/web.service/libpod-payload-${A}`));
  registry.made(cgroup(3n, `/system.slice/docker-${A}.scope`));
  registry.made(cgroup(4n, '/kubepods.slice/kubepods-burstable.slice'));
  assert.deepEqual(
    registry.units.map(({ id }) => id),
    ['web.service'],
  );
  assert.equal(seriesOf(registry, 2n), 'container');
});

test('the hierarchies of cgroup v1 are one unit, and each has its own inode', () => {
  const registry = registryOf({}, [CPU, MEMORY]);
  const path = '/system.slice/nginx.service';
  registry.made(cgroup(7n, path, MEMORY));
  registry.made(cgroup(9n, path, CPU));
  assert.deepEqual(
    [seriesOf(registry, 7n, 'memory'), seriesOf(registry, 9n, 'cpu')],
    [
      ['nginx.service', 7n],
      ['nginx.service', 9n],
    ],
  );
  const [unit] = registry.units;
  assert.equal(unit?.cgroups.memory, `${MEMORY.mountPoint}${path}`);
  assert.equal(unit?.cgroups.cpu, `${CPU.mountPoint}${path}`);
});

test('a unit that is started again is told once, as it is now; what it was stays known', () => {
  const registry = registryOf();
  const path = '/system.slice/backup.service';
  registry.made(cgroup(2n, path));
  registry.takeChanges();
  registry.removed(cgroup(2n, path));
  assert.deepEqual(registry.takeChanges().removed, ['backup.service']);
  registry.made(cgroup(3n, path));
  registry.removed(cgroup(3n, path));
  registry.made(cgroup(4n, path));
  const { units, removed } = registry.takeChanges();
  assert.deepEqual([units.map(({ cgroupIds }) => cgroupIds), removed], [[[4n]], []]);
  assert.deepEqual(
    [2n, 3n, 4n].map((inode) => seriesOf(registry, inode)),
    [
      ['backup.service', 2n],
      ['backup.service', 3n],
      ['backup.service', 4n],
    ],
  );
});

test('there is a bound: what is beyond it is counted, and has its series when it is started again', () => {
  const registry = registryOf({ max: 2 });
  for (const [index, name] of ['a', 'b', 'c'].entries())
    registry.made(cgroup(BigInt(index + 1), `/system.slice/${name}.service`));
  const { units_with_series, refused_units } = registry.counts;
  assert.deepEqual(
    [units_with_series, refused_units, seriesOf(registry, 3n)],
    [2, 1, ['c.service', undefined]],
  );
  registry.removed(cgroup(1n, ''));
  registry.removed(cgroup(3n, ''));
  assert.deepEqual(registry.takeChanges().removed, ['a.service'], 'who had no series is not told to be gone');
  registry.made(cgroup(4n, '/system.slice/c.service'));
  assert.deepEqual(seriesOf(registry, 4n), ['c.service', 4n]);
});

test('switched off, units are named and have no series', () => {
  const registry = registryOf({ enabled: false });
  registry.made(cgroup(2n, '/system.slice/nginx.service'));
  assert.deepEqual([registry.units, seriesOf(registry, 2n)], [[], ['nginx.service', undefined]]);
});

test('the unit of a user is told beside the service of its user', () => {
  const registry = registryOf();
  registry.made(cgroup(2n, '/user.slice/user-1000.slice/user@1000.service/app.slice/code.scope'));
  const owner = registry.owner(2n, 'unified');
  assert.ok(owner.type === 'unit');
  assert.deepEqual([owner.name, owner.userUnit], ['user@1000.service', 'code.scope']);
});

test('a directory that is called like a unit elsewhere is a part of it, and not its cgroup', () => {
  const registry = registryOf();
  registry.made(cgroup(2n, '/system.slice/nginx.service'));
  registry.made(cgroup(3n, '/other.slice/nginx.service'));
  assert.deepEqual(registry.units[0]?.cgroupIds, [2n]);
});
