/** The tracker where the kernel tells nothing: plain directories, as many and as broken as it takes. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import type { HostPaths } from '../../src/sdk/context.ts';
import { A, B, C, FakeTree } from '../support/containers-fixture.ts';
import { HOST_PATHS } from '../support/kernel.ts';
import { clockFor, kernelFor, owns, track, WALK_EVERY_MS, WALK_REST_MS } from '../support/tracker-fixture.ts';

keepClock();

test('where the kernel tells nothing, walks are used, and why is known', async (t) => {
  using tree = new FakeTree();
  const paths = { ...HOST_PATHS, sysfs: tree.mountPoint } as HostPaths;
  const { tracker, warnings } = await track(t, {
    hierarchies: [tree.hierarchy],
    paths,
    kernel: kernelFor(t, paths),
  });
  const { following } = tracker;
  assert.ok(following.by === 'walks');
  const { reason } = following;
  // PERMISSION_DENIED when the tests do not run as root.
  assert.ok(reason && ['BTF_MISSING', 'PERMISSION_DENIED'].includes(reason.code), String(reason?.code));
  assert.match(warnings[0] ?? '', /every 5 s/);
});

test('without the feed a cgroup counts as unknown only after a walk that began later than the question', async (t) => {
  using tree = new FakeTree();
  const clock = clockFor(t);
  const { registry, tracker } = await track(t, { hierarchies: [tree.hierarchy] });
  const inode = tree.make(`/docker/${A}`);
  const asked_ms = clock.now_ms + 1;
  clock.now_ms += WALK_REST_MS - 1;
  assert.equal(tracker.catchUp(asked_ms), false);
  assert.equal(owns(registry, inode, tree.hierarchy), undefined);
  clock.now_ms += 1;
  assert.equal(tracker.catchUp(asked_ms), true);
  assert.equal(owns(registry, inode, tree.hierarchy), A);
});

test('without the feed the tree is walked every 5 s', async (t) => {
  using tree = new FakeTree();
  const clock = clockFor(t);
  const { registry, tracker } = await track(t, { hierarchies: [tree.hierarchy] });
  tree.make(`/docker/${A}`);
  clock.now_ms += WALK_EVERY_MS - 1;
  tracker.update();
  assert.deepEqual(registry.containers, []);
  clock.now_ms += 1;
  tracker.update();
  assert.equal(registry.containers.length, 1);
  tree.remove(`/docker/${A}`);
  clock.now_ms += WALK_EVERY_MS;
  tracker.update();
  assert.deepEqual(registry.containers, []);
});

test('of a hierarchy that cannot be read what is known stays, others are followed, and it is said once', async (t) => {
  using broken = new FakeTree({ number: 1, controllers: ['memory'] });
  using healthy = new FakeTree({ number: 2, controllers: ['cpu'] });
  broken.make(`/docker/${A}`);
  const clock = clockFor(t);
  const { registry, tracker, warnings } = await track(t, {
    hierarchies: [broken.hierarchy, healthy.hierarchy],
  });
  renameSync(broken.mountPoint, `${broken.mountPoint}-moved`);
  const inode = healthy.make(`/docker/${B}`);
  for (let turn = 0; turn < 3; turn++) {
    clock.now_ms += WALK_EVERY_MS;
    tracker.update();
  }
  assert.deepEqual(
    registry.containers.map(({ id }) => id),
    [A, B],
  );
  assert.equal(owns(registry, inode, healthy.hierarchy), B);
  assert.equal(warnings.length, 1);
  renameSync(`${broken.mountPoint}-moved`, broken.mountPoint);
  broken.remove(`/docker/${A}`);
  clock.now_ms += WALK_EVERY_MS;
  tracker.update();
  assert.deepEqual(
    registry.containers.map(({ id }) => id),
    [B],
  );
});

test('ten thousand containers are followed by walks', async (t) => {
  using tree = new FakeTree();
  for (let index = 0; index < 10_000; index++)
    tree.make(`/pod${index % 100}/docker-${index.toString(16).padStart(64, '0')}.scope`);
  const { registry, tracker } = await track(t, { hierarchies: [tree.hierarchy] });
  assert.equal(registry.counts.containers, 10_000);
  assert.equal(tracker.complaint, '');
});

test('a cgroup deeper than walks go is known by the processes in it', async (t) => {
  using tree = new FakeTree();
  using procfs = new FakeTree();
  const deep = `${'/d'.repeat(20)}/docker/${A}`;
  const inode = tree.make(deep);
  procfs.make('/4711');
  writeFileSync(join(procfs.mountPoint, '4711/cgroup'), `0::${deep}\n`);
  const clock = clockFor(t);
  const paths = { ...HOST_PATHS, procfs: procfs.mountPoint } as HostPaths;
  const { registry, tracker } = await track(t, { hierarchies: [tree.hierarchy], paths });
  assert.match(tracker.complaint, /too deep/);
  assert.equal(registry.owner(inode, undefined).type, 'unknown');
  tracker.lookAtProcesses();
  assert.equal(owns(registry, inode, tree.hierarchy), A);

  const later = `${'/d'.repeat(20)}/docker/${B}`;
  const second = tree.make(later);
  writeFileSync(join(procfs.mountPoint, '4711/cgroup'), `0::${later}\n`);
  tracker.lookAtProcesses();
  tracker.update();
  assert.equal(registry.owner(second, undefined).type, 'unknown', 'not looked again at once');
  clock.now_ms += WALK_EVERY_MS;
  tracker.update();
  assert.equal(owns(registry, second, tree.hierarchy), B);
});

test('a cgroup that a source calls a container is one from then on, with everything below it', async (t) => {
  using tree = new FakeTree();
  const inodes = ['/default/web', '/default/web/init.scope/x', '/default/website'].map((path) =>
    tree.make(path),
  );
  const { registry, tracker } = await track(t, { hierarchies: [tree.hierarchy] });
  tracker.adopt(registry.describe('oci', [{ id: C, cgroupPaths: ['/default/web', '/none'] }]));
  assert.deepEqual(
    inodes.map((inode) => owns(registry, inode, tree.hierarchy)),
    [C, C, undefined],
  );
});
