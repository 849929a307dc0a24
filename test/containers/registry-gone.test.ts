/** Cgroups that come and go: how long they are known, and how many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, B, cgroup, V2 } from '../support/containers-fixture.ts';
import { ids, KEEP_GONE_MS, nameOf, registryOf } from '../support/registry-fixture.ts';

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
