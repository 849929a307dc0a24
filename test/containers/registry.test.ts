import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ContainerRegistry } from '../../src/containers/registry.ts';
import type { ContainerDetails } from '../../src/containers/sources/source.ts';
import type { Hierarchy } from '../../src/procfs/cgroup-hierarchies.ts';
import type { Container, Owner } from '../../src/sdk/container.ts';
import { A, B, C, CPU, cgroup, MEMORY, V2 } from '../support/containers-fixture.ts';

const KEEP_GONE_MS = 300_000;

/** A registry with a clock in the test's hands. */
function registryOf(hierarchies: readonly Hierarchy[] = [V2]) {
  const clock = { now_ms: 1 };
  const registry = new ContainerRegistry({
    hierarchies,
    keepGone_ms: KEEP_GONE_MS,
    labels: ['app'],
    sources: ['trusted', 'other'],
    now_ms: () => clock.now_ms,
  });
  return { registry, clock };
}

function nameOf(owner: Owner): string {
  if (owner.type === 'container') return owner.container.id;
  return owner.type === 'unit' ? owner.name : owner.type;
}

function ids(containers: readonly Container[]): string[] {
  return containers.map(({ id }) => id);
}

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

test('a container is gone with its last directory, resolvable for keepGone, then forgotten', () => {
  const { registry, clock } = registryOf();
  registry.made(cgroup(11n, `/docker/${A}`));
  registry.made(cgroup(12n, `/docker/${A}/init`));
  registry.takeChanges();
  registry.removed(cgroup(12n, ''));
  assert.deepEqual(ids(registry.containers), [A]);
  registry.removed(cgroup(11n, ''));
  assert.deepEqual(registry.containers, []);
  assert.deepEqual(registry.takeChanges(), { upserts: [], units: [], removed: [A], reassigned: false });
  assert.deepEqual([registry.counts.containers, registry.counts.gone], [0, 1]);
  clock.now_ms += KEEP_GONE_MS;
  registry.takeChanges();
  assert.deepEqual(
    [11n, 12n].map((inode) => nameOf(registry.owner(inode, 'unified'))),
    [A, A],
  );
  clock.now_ms += 1;
  registry.takeChanges();
  assert.deepEqual(
    [11n, 12n].map((inode) => nameOf(registry.owner(inode, 'unified'))),
    ['unknown', 'unknown'],
  );
  assert.equal(registry.counts.gone, 0);
});

test('a gone directory that walks do not find again does not stay longer for it', () => {
  const { registry, clock } = registryOf();
  registry.made(cgroup(11n, `/docker/${A}`));
  registry.removed(cgroup(11n, ''));
  for (const step of [0.5, 0.6]) {
    clock.now_ms += step * KEEP_GONE_MS;
    registry.replace(V2.number, []);
    registry.takeChanges();
  }
  assert.equal(nameOf(registry.owner(11n, 'unified')), 'unknown');
});

test('a container that is started again is looked at again, and its old cgroup is still its own', () => {
  const { registry } = registryOf();
  registry.made(cgroup(1n, `/docker/${A}`));
  registry.observe(A, { initPid: 100, netnsInode: 1000, startTime: 'then' });
  assert.equal(registry.containers[0]?.initPid, 100);
  registry.removed(cgroup(1n, ''));
  registry.made(cgroup(2n, `/docker/${A}`));
  assert.deepEqual(registry.takeChanges().removed, []);
  assert.deepEqual(registry.unobserved, [A]);
  const [again] = registry.containers;
  assert.deepEqual([again?.initPid, again?.netnsInode, again?.startTime], [undefined, undefined, undefined]);
  assert.deepEqual(again?.cgroupIds, [2n]);
  assert.deepEqual(
    [1n, 2n].map((inode) => nameOf(registry.owner(inode, 'unified'))),
    [A, A],
  );
  assert.equal(registry.counts.gone, 1);
});

test('a living container that makes and removes cgroups without end costs no other its place', () => {
  const { registry, clock } = registryOf();
  registry.made(cgroup(1n, `/docker/${A}`));
  registry.takeChanges();
  for (let inode = 2n; inode < 250_000n; inode++) {
    registry.made(cgroup(inode, `/docker/${A}/job`));
    registry.removed(cgroup(inode, ''));
  }
  assert.deepEqual(registry.takeChanges().upserts, [], 'nothing that readers are told has changed');
  registry.made(cgroup(999_999n, `/docker/${B}`));
  assert.equal(nameOf(registry.owner(999_999n, 'unified')), B);
  assert.equal(nameOf(registry.owner(249_999n, 'unified')), A, 'the newest one is still known');
  assert.equal(nameOf(registry.owner(2n, 'unified')), 'unknown', 'the oldest one is not');
  assert.equal(registry.counts.refused_cgroups, 0);
  clock.now_ms += KEEP_GONE_MS + 1;
  registry.takeChanges();
  assert.equal(nameOf(registry.owner(249_999n, 'unified')), 'unknown');
  assert.equal(nameOf(registry.owner(1n, 'unified')), A);
});

test('beyond the bound cgroups are unknown and counted; no container without a cgroup is listed', () => {
  const { registry } = registryOf();
  for (let inode = 0n; inode < 200_000n; inode++) registry.made(cgroup(inode, `/docker/${A}/${inode}`));
  registry.made(cgroup(200_000n, `/docker/${B}`));
  assert.equal(registry.counts.refused_cgroups, 1);
  assert.equal(nameOf(registry.owner(200_000n, 'unified')), 'unknown');
  assert.deepEqual(ids(registry.containers), [A]);
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

test('a plain cgroup has its path, also a while after it is gone; it costs owned ones no room', () => {
  const { registry, clock } = registryOf();
  registry.made(cgroup(11n, '/batch/job-7'));
  registry.removed(cgroup(11n, ''));
  assert.deepEqual(registry.owner(11n, 'memory'), { type: 'host', cgroupPath: '/batch/job-7' });
  clock.now_ms += KEEP_GONE_MS + 1;
  registry.takeChanges();
  assert.deepEqual(registry.owner(11n, 'memory'), { type: 'unknown' });
  for (let inode = 100n; inode < 60_000n; inode++) registry.made(cgroup(inode, `/batch/${inode}`));
  assert.ok(registry.counts.refused_cgroups > 0);
  assert.deepEqual(registry.owner(59_999n, undefined), { type: 'unknown' });
  registry.made(cgroup(70_000n, `/docker/${A}`));
  assert.equal(nameOf(registry.owner(70_000n, undefined)), A);
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

type Step =
  | { readonly type: 'made'; readonly hierarchy: Hierarchy; readonly path: string }
  | { readonly type: 'removed'; readonly index: number }
  | { readonly type: 'again'; readonly index: number }
  | { readonly type: 'walk'; readonly hierarchy: Hierarchy }
  | { readonly type: 'describe'; readonly source: string; readonly details: readonly ContainerDetails[] }
  | { readonly type: 'publish' };

/** The container a path of the alphabet below belongs to. */
const PATHS: ReadonlyMap<string, string> = new Map([
  [`/docker/${A}`, A],
  [`/docker/${A}/init`, A],
  [`/docker/${B}`, B],
  [`/docker/${A}/docker/${C}`, C],
  ['/system.slice/x.service', 'host'],
  ['/plain', 'host'],
]);

const hierarchy = fc.constantFrom(MEMORY, CPU);
const index = fc.nat(30);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('made' as const),
      hierarchy,
      path: fc.constantFrom(...PATHS.keys()),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('removed' as const), index }) },
  fc.record({ type: fc.constant('again' as const), index }),
  fc.record({ type: fc.constant('walk' as const), hierarchy }),
  fc.record({
    type: fc.constant('describe' as const),
    source: fc.constantFrom('trusted', 'other'),
    details: fc.uniqueArray(fc.record({ id: fc.constantFrom(A, B, C), name: fc.constantFrom('x', 'y') }), {
      selector: ({ id }) => id,
    }),
  }),
  fc.record({ type: fc.constant('publish' as const) }),
);

test('whatever happens, each cgroup has the owner its path tells, and a copy kept by changes equals the list', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { registry } = registryOf([MEMORY, CPU]);
      const known: {
        readonly inode: bigint;
        readonly path: string;
        readonly hierarchy: Hierarchy;
        live: boolean;
      }[] = [];
      const copy = new Map<string, Container>();
      const publish = (): void => {
        const { upserts, removed } = registry.takeChanges();
        for (const one of upserts) copy.set(one.id, one);
        for (const id of removed) copy.delete(id);
        const byId = (list: readonly Container[]): Container[] =>
          list.toSorted((a, b) => (a.id < b.id ? -1 : 1));
        assert.deepEqual(byId([...copy.values()]), byId(registry.containers));
      };
      for (const one of steps) {
        if (one.type === 'made') {
          known.push({ inode: BigInt(known.length), path: one.path, hierarchy: one.hierarchy, live: true });
          registry.made(cgroup(BigInt(known.length - 1), one.path, one.hierarchy));
        } else if (one.type === 'removed') {
          const entry = known[one.index];
          if (entry) {
            registry.removed(cgroup(entry.inode, '', entry.hierarchy));
            entry.live = false;
          }
        } else if (one.type === 'again') {
          const entry = known[one.index];
          if (entry?.live) registry.made(cgroup(entry.inode, entry.path, entry.hierarchy));
        } else if (one.type === 'walk') {
          const there = known.filter(({ live, hierarchy }) => live && hierarchy === one.hierarchy);
          registry.replace(
            one.hierarchy.number,
            there.map(({ inode, path }) => cgroup(inode, path, one.hierarchy)),
          );
        } else if (one.type === 'describe') registry.describe(one.source, one.details);
        else publish();
      }
      publish();
      for (const { inode, path, hierarchy } of known) {
        const owner = registry.owner(inode, hierarchy.controllers[0]);
        assert.equal(owner.type === 'container' ? owner.container.id : 'host', PATHS.get(path));
      }
      const live = new Set(known.filter(({ live }) => live).map(({ path }) => PATHS.get(path)));
      live.delete('host');
      assert.deepEqual(new Set(ids(registry.containers)), live);
    }),
    { numRuns: 300 },
  );
});
