/** Any order of events: owners as paths tell them, and changes that make a copy of the list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ContainerDetails } from '../../src/containers/sources/source.ts';
import type { Hierarchy } from '../../src/procfs/cgroup-hierarchies.ts';
import type { Container } from '../../src/sdk/container.ts';
import { A, B, C, CPU, cgroup, MEMORY } from '../support/containers-fixture.ts';
import { ids, registryOf } from '../support/registry-fixture.ts';

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
