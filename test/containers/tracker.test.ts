/** Against the kernel's cgroups where it can be, and plain directories where those would be too many or not breakable. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cgroupsObject } from '../../src/agent/services/containers.ts';
import { openFeed } from '../../src/containers/feed.ts';
import { ContainerRegistry } from '../../src/containers/registry.ts';
import { CgroupTracker } from '../../src/containers/tracker.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { KernelOwner } from '../../src/kernel/object-owner.ts';
import { type Hierarchy, readHierarchies } from '../../src/procfs/cgroup-hierarchies.ts';
import type { Container } from '../../src/sdk/container.ts';
import type { HostPaths, Log } from '../../src/sdk/context.ts';
import { A, B, C, FakeTree } from '../support/containers-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { HOST_PATHS, skipWithoutBpf } from '../support/kernel.ts';

keepClock();

const skip = skipWithoutBpf();
const KEEP_GONE_MS = 300_000;
const WALK_EVERY_MS = 5_000;
const WALK_REST_MS = 1_000;

interface Tracked {
  readonly registry: ContainerRegistry;
  readonly tracker: CgroupTracker;
  readonly warnings: readonly string[];
}

interface Options {
  readonly hierarchies: readonly Hierarchy[];
  readonly paths?: HostPaths;
  readonly kernel?: KernelOwner;
}

async function track(
  t: TestContext,
  { hierarchies, paths = HOST_PATHS as HostPaths, kernel }: Options,
): Promise<Tracked> {
  const registry = new ContainerRegistry({
    hierarchies,
    keepGone_ms: KEEP_GONE_MS,
    labels: [],
    sources: ['oci'],
  });
  const warnings: string[] = [];
  const log = {
    warn: (message: string, detail: object) => warnings.push(`${message} ${JSON.stringify(detail)}`),
  };
  const tracker = new CgroupTracker({
    registry,
    hierarchies,
    paths,
    log: log as unknown as Log,
    ...(kernel && {
      feed: await openFeed(kernel.calls, cgroupsObject().manifest.event, log as unknown as Log),
    }),
  });
  t.after(() => tracker[Symbol.dispose]());
  return { registry, tracker, warnings };
}

/** Has the programs; they are unloaded after the test. */
function kernelFor(t: TestContext, paths = HOST_PATHS): KernelOwner {
  const kernel = new KernelOwner({ ...cgroupsObject(), paths });
  t.after(() => kernel.release());
  return kernel;
}

/** `performance.now()` in the test's hands. */
function clockFor(t: TestContext): { now_ms: number } {
  const clock = { now_ms: 1_000_000 };
  t.mock.method(performance, 'now', () => clock.now_ms);
  return clock;
}

/** Containers of a test's own in one of this host's hierarchies. */
class RealTree implements Disposable {
  readonly hierarchy: Hierarchy;
  readonly #root: string;
  readonly #made: string[] = [];

  constructor() {
    const [hierarchy] = readHierarchies('/proc');
    if (!hierarchy) throw new Error('this host has no cgroup file system');
    this.hierarchy = hierarchy;
    this.#root = join(hierarchy.mountPoint, `huatuo-tracker-${process.pid}`);
    this.make('');
  }

  directory(name: string): string {
    return join(this.#root, name);
  }

  make(name: string): bigint {
    mkdirSync(this.directory(name));
    this.#made.push(this.directory(name));
    return statSync(this.directory(name), { bigint: true }).ino;
  }

  remove(name: string): void {
    rmdirSync(this.directory(name));
    this.#made.splice(this.#made.indexOf(this.directory(name)), 1);
  }

  [Symbol.dispose](): void {
    for (const directory of this.#made.reverse()) rmdirSync(directory);
  }
}

/** Of these containers those that are running; the host may have others. */
function running(registry: ContainerRegistry, ...ids: string[]): Container[] {
  return registry.containers.filter(({ id }) => ids.includes(id));
}

function hexId(): string {
  return randomBytes(32).toString('hex');
}

function owns(registry: ContainerRegistry, inode: bigint, { controllers }: Hierarchy): string | undefined {
  const owner = registry.owner(inode, controllers[0]);
  return owner.type === 'container' ? owner.container.id : undefined;
}

test('with the feed a container is known the moment it is asked for, and gone the moment it is removed', {
  skip,
}, async (t) => {
  using tree = new RealTree();
  const { hierarchy } = tree;
  const [early, late] = [hexId(), hexId()];
  const before = tree.make(early);
  const { registry, tracker } = await track(t, { hierarchies: [hierarchy], kernel: kernelFor(t) });
  assert.deepEqual(tracker.following, { by: 'tracepoints' });
  assert.equal(owns(registry, before, hierarchy), early, 'what was there first is found by the walk');
  const inode = tree.make(late);
  assert.equal(owns(registry, inode, hierarchy), undefined);
  assert.equal(tracker.catchUp(performance.now()), true);
  assert.equal(owns(registry, inode, hierarchy), late);
  tree.remove(late);
  tracker.update();
  assert.deepEqual(
    running(registry, early, late).map(({ id }) => id),
    [early],
  );
  assert.equal(owns(registry, inode, hierarchy), late, 'its events may still come');
});

test('the init process of a new container is found, not the runtime that is in the cgroup before it', {
  skip,
}, async (t) => {
  using tree = new RealTree();
  const id = hexId();
  const { registry, tracker } = await track(t, { hierarchies: [tree.hierarchy], kernel: kernelFor(t) });
  tree.make(id);
  const runtime = spawn('sleep', ['60']);
  const init: ChildProcess = spawn('unshare', ['--pid', '--net', '--fork', '--kill-child', 'sleep', '60']);
  const exits = [once(runtime, 'exit'), once(init, 'exit')];
  try {
    const children = `/proc/${init.pid}/task/${init.pid}/children`;
    const pid = await eventually<string>('the namespace', () => readFileSync(children, 'utf8').trim());
    const move = (member: string): void => writeFileSync(join(tree.directory(id), 'cgroup.procs'), member);
    move(String(runtime.pid));
    tracker.update();
    assert.equal(running(registry, id)[0]?.initPid, undefined);
    move(pid);
    tracker.catchUp(performance.now());
    const [container] = running(registry, id);
    assert.equal(container?.initPid, Number(pid));
    assert.equal(container?.netnsInode, statSync(`/proc/${pid}/ns/net`).ino);
    const { startTime = '' } = container ?? {};
    const age_ms = Date.now() - Date.parse(startTime);
    assert.ok(age_ms > -1_000 && age_ms < 600_000, startTime);
  } finally {
    runtime.kill('SIGKILL');
    init.kill('SIGKILL');
    await Promise.all(exits);
    await eventually(
      'the cgroup to be empty',
      () => readFileSync(join(tree.directory(id), 'cgroup.procs')).length === 0,
    );
  }
});

test('after a loss a walk says what there is, and until then nobody is certainly the host', {
  skip,
}, async (t) => {
  using tree = new RealTree();
  const { hierarchy } = tree;
  const [gone, there] = [hexId(), hexId()];
  tree.make(gone);
  const clock = clockFor(t);
  const { registry, tracker } = await track(t, { hierarchies: [hierarchy], kernel: kernelFor(t) });
  for (let index = 0; index < 3000; index++) {
    tree.make('c');
    tree.remove('c');
  }
  tree.remove(gone);
  const inode = tree.make(there);
  assert.equal(tracker.catchUp(clock.now_ms + 1), false, 'the newest walk is too young for another');
  assert.equal(owns(registry, inode, hierarchy), undefined);
  clock.now_ms += WALK_REST_MS;
  assert.equal(tracker.catchUp(clock.now_ms), true);
  assert.equal(owns(registry, inode, hierarchy), there);
  assert.deepEqual(
    running(registry, gone, there).map(({ id }) => id),
    [there],
  );
});

test('a second life corrects what an overflowing ring told of cgroups that are gone', { skip }, async (t) => {
  using tree = new RealTree();
  const [gone, there] = [hexId(), hexId()];
  const kernel = kernelFor(t);
  const first = await track(t, { hierarchies: [tree.hierarchy], kernel });
  first.tracker[Symbol.dispose]();
  tree.make(gone);
  for (let index = 0; index < 3000; index++) {
    tree.make('c');
    tree.remove('c');
  }
  tree.remove(gone);
  tree.make(there);
  const { registry, tracker } = await track(t, { hierarchies: [tree.hierarchy], kernel });
  tracker.update();
  assert.deepEqual(
    running(registry, gone, there).map(({ id }) => id),
    [there],
  );
});

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

test("without the feed an unknown cgroup is the host's only after a walk that began later than the question", async (t) => {
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

test('where a bound cuts a walk that is said; what the feed told of beyond it stays', { skip }, async (t) => {
  using tree = new FakeTree({ number: 99, controllers: ['unified'] });
  const deep = `${'/d'.repeat(17)}/${A}`;
  const inode = tree.make(deep);
  const { registry, tracker, warnings } = await track(t, {
    hierarchies: [tree.hierarchy],
    kernel: kernelFor(t),
  });
  assert.deepEqual(tracker.truncated, [tree.mountPoint]);
  assert.match(warnings[0] ?? '', /too many or too deep/);
  registry.made({ hierarchy: 99, inode, path: deep });
  tracker.walk();
  assert.equal(owns(registry, inode, tree.hierarchy), A);
  assert.equal(warnings.length, 1);
});

test('ten thousand containers are followed by walks', async (t) => {
  using tree = new FakeTree();
  for (let index = 0; index < 10_000; index++)
    tree.make(`/pod${index % 100}/docker-${index.toString(16).padStart(64, '0')}.scope`);
  const { registry, tracker } = await track(t, { hierarchies: [tree.hierarchy] });
  assert.equal(registry.counts.containers, 10_000);
  assert.deepEqual(tracker.truncated, []);
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
