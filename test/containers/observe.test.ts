import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { InitObserver } from '../../src/containers/observe.ts';
import { ContainerRegistry } from '../../src/containers/registry.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { A, FakeTree } from '../support/containers-fixture.ts';

keepClock();

const MAX_LOOKS = 20;

/** One container below plain directories, and a procfs beside it. */
class Host implements Disposable {
  readonly #tree = new FakeTree();
  readonly #procfs = join(this.#tree.mountPoint, 'proc');
  readonly registry: ContainerRegistry;
  readonly observer: InitObserver;

  constructor() {
    const { hierarchy } = this.#tree;
    this.registry = new ContainerRegistry({
      hierarchies: [hierarchy],
      keepGone_ms: 1000,
      labels: [],
      sources: [],
    });
    this.observer = new InitObserver(this.registry, this.#procfs);
    const path = `/docker/${A}`;
    this.registry.made({ hierarchy: hierarchy.number, inode: this.#tree.make(path), path });
  }

  /** @param below path below the container's own cgroup */
  cgroup(below: string, ...pids: number[]): void {
    const path = `/docker/${A}${below}`;
    this.#tree.make(path);
    writeFileSync(join(this.#tree.mountPoint, path, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
  }

  /** Another one, with its processes. */
  container(id: string, ...pids: number[]): void {
    const path = `/docker/${id}`;
    const inode = this.#tree.make(path);
    writeFileSync(join(this.#tree.mountPoint, path, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
    this.registry.made({ hierarchy: this.#tree.hierarchy.number, inode, path });
  }

  process(pid: number, isNamespaceInit: boolean, started_ticks = 100): void {
    const directory = join(this.#procfs, String(pid));
    mkdirSync(join(directory, 'ns'), { recursive: true });
    writeFileSync(join(directory, 'status'), `NSpid:\t${pid}${isNamespaceInit ? '\t1' : ''}\n`);
    writeFileSync(join(directory, 'stat'), `${pid} (x) S ${'0 '.repeat(18)}${started_ticks} 0\n`);
    symlinkSync(`net:[${pid}000]`, join(directory, 'ns/net'));
  }

  end(pid: number): void {
    rmSync(join(this.#procfs, String(pid)), { recursive: true });
  }

  endCgroup(): void {
    rmSync(join(this.#tree.mountPoint, 'docker'), { recursive: true });
  }

  tick(times = 1): void {
    for (let time = 0; time < times; time++) this.observer.tick();
  }

  get initPid(): number | undefined {
    return this.registry.containers[0]?.initPid;
  }

  [Symbol.dispose](): void {
    this.#tree[Symbol.dispose]();
  }
}

test('the init of a pid namespace is taken at once, with its network namespace and when it began', () => {
  using host = new Host();
  host.process(7, true);
  host.cgroup('', 7);
  host.observer.lookAt([A]);
  const [container] = host.registry.containers;
  assert.deepEqual([container?.initPid, container?.netnsInode], [7, 7000]);
  assert.match(container?.startTime ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(host.registry.unobserved, []);
});

test('the runtime that is in the cgroup first is not taken for it', () => {
  using host = new Host();
  host.process(5, false);
  host.process(7, true);
  host.cgroup('', 5);
  host.tick();
  assert.equal(host.initPid, undefined);
  host.cgroup('', 7);
  host.tick();
  assert.equal(host.initPid, 7);
});

test('a container in the pid namespace of the host gets its first process in the end', () => {
  using host = new Host();
  host.process(5, false);
  host.cgroup('', 5);
  host.tick(MAX_LOOKS);
  assert.equal(host.initPid, undefined);
  host.tick();
  assert.equal(host.initPid, 5);
});

test('it is its oldest process, though a younger one has a lower number', () => {
  using host = new Host();
  host.process(5, false, 900);
  host.process(32_000, false, 800);
  host.cgroup('', 5, 32_000);
  host.tick(MAX_LOOKS + 1);
  assert.equal(host.initPid, 32_000);
});

test('when that process has ended another one stands for the container, also when its number is in use again', () => {
  using host = new Host();
  host.process(5, false);
  host.process(6, false);
  host.cgroup('', 5, 6);
  host.tick(MAX_LOOKS + 1);
  assert.equal(host.initPid, 5);
  host.end(5);
  host.cgroup('', 6);
  host.tick();
  assert.equal(host.initPid, 6);
  host.end(6);
  host.process(6, false, 900);
  host.process(7, false, 700);
  host.cgroup('', 6, 7);
  host.tick();
  assert.equal(host.initPid, 7);
  host.end(7);
  host.cgroup('');
  host.tick();
  assert.equal(host.initPid, 7, 'no other one');
});

test('looks between ticks do not use up patience', () => {
  using host = new Host();
  host.process(5, false);
  host.cgroup('', 5);
  for (let look = 0; look < 10 * MAX_LOOKS; look++) host.observer.lookAt([A]);
  assert.equal(host.initPid, undefined);
});

test('where systemd runs inside, its init is found below, before that of a container within', () => {
  using host = new Host();
  for (const pid of [7, 8]) host.process(pid, true);
  host.cgroup('');
  host.cgroup('/docker/inner/leaf', 8);
  host.cgroup('/init.scope', 7);
  host.tick();
  assert.equal(host.initPid, 7);
});

test('of many a bounded number is looked at in each tick, and none is forgotten', () => {
  using host = new Host();
  host.process(7, true);
  const ids = Array.from({ length: 150 }, (_, number) => number.toString(16).padStart(64, '0'));
  for (const id of ids) host.container(id, 7);
  host.tick();
  const [all, left] = [ids.length + 1, host.registry.unobserved.length];
  assert.ok(left > 0 && left < all, `${left} of ${all} are left`);
  host.tick();
  assert.deepEqual(host.registry.unobserved, [A], 'the one without processes');
});

test('one without processes is given up after some looks, and one that ends meanwhile harms nobody', () => {
  using host = new Host();
  host.cgroup('');
  host.tick(2 * MAX_LOOKS);
  host.process(7, true);
  host.cgroup('', 7);
  host.tick();
  assert.equal(host.initPid, undefined);
  using ended = new Host();
  ended.endCgroup();
  ended.tick();
  assert.equal(ended.initPid, undefined);
});
