/** The tracker against cgroups that the kernel tells of. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ContainerRegistry } from '../../src/containers/registry.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { type Hierarchy, readHierarchies } from '../../src/procfs/cgroup-hierarchies.ts';
import type { Container } from '../../src/sdk/container.ts';
import { A, FakeTree } from '../support/containers-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { clockFor, kernelFor, owns, track, WALK_REST_MS } from '../support/tracker-fixture.ts';

keepClock();

const skip = skipWithoutBpf();

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

test('where a bound cuts a walk that is said; what the feed told of beyond it stays', { skip }, async (t) => {
  using tree = new FakeTree({ number: 99, controllers: ['unified'] });
  const deep = `${'/d'.repeat(17)}/${A}`;
  const inode = tree.make(deep);
  const { registry, tracker, warnings } = await track(t, {
    hierarchies: [tree.hierarchy],
    kernel: kernelFor(t),
  });
  assert.match(tracker.complaint, /too many or too deep/);
  assert.match(warnings[0] ?? '', /too many or too deep/);
  registry.made({ hierarchy: 99, inode, path: deep });
  tracker.walk();
  assert.equal(owns(registry, inode, tree.hierarchy), A);
  assert.equal(warnings.length, 1);
});
