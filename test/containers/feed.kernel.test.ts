/** What the kernel tells of real cgroups, in every hierarchy of this host. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { cgroupsObject } from '../../src/agent/services/containers.ts';
import { type CgroupChange, CgroupFeed } from '../../src/containers/feed.ts';
import { HuatuoError } from '../../src/error.ts';
import { KernelOwner } from '../../src/kernel/object-owner.ts';
import { type Hierarchy, readHierarchies } from '../../src/procfs/cgroup-hierarchies.ts';
import { HOST_PATHS, skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();
/** Records of 1 KiB and more: a ring of 2 MiB holds fewer than two thousand. */
const MORE_THAN_FIT = 3000;

/** Programs in the kernel, and one cgroup below which the test makes its own. */
class Kernel implements AsyncDisposable {
  readonly owner: KernelOwner;
  readonly hierarchy: Hierarchy;
  /** Below the root of the hierarchy. */
  readonly root: string;
  readonly #made: string[] = [];
  feed: CgroupFeed;

  static async open(hierarchy: Hierarchy, name: string): Promise<Kernel> {
    const owner = new KernelOwner({ ...cgroupsObject(), paths: HOST_PATHS });
    return new Kernel(
      hierarchy,
      name,
      owner,
      await CgroupFeed.open(owner.calls, cgroupsObject().manifest.event),
    );
  }

  private constructor(hierarchy: Hierarchy, name: string, owner: KernelOwner, feed: CgroupFeed) {
    this.hierarchy = hierarchy;
    this.root = `${hierarchy.root === '/' ? '' : hierarchy.root}/huatuo-${name}-${process.pid}`;
    this.owner = owner;
    this.feed = feed;
    this.make('');
  }

  directory(path: string): string {
    const { mountPoint, root } = this.hierarchy;
    return join(mountPoint, (root === '/' ? this.root : this.root.slice(root.length)) + path);
  }

  /** @returns its inode */
  make(path: string): bigint {
    const directory = this.directory(path);
    mkdirSync(directory);
    this.#made.push(directory);
    return statSync(directory, { bigint: true }).ino;
  }

  remove(path: string): void {
    const directory = this.directory(path);
    rmdirSync(directory);
    this.#made.splice(this.#made.indexOf(directory), 1);
  }

  /** Everything that is there, of this test's cgroups: others come and go on this host too. */
  drain(): { changes: CgroupChange[]; lost: boolean } {
    const all: CgroupChange[] = [];
    for (let isLost = false; ; ) {
      const { changes, lost, busy } = this.feed.drain();
      isLost ||= lost;
      all.push(...changes.filter(({ path }) => path === this.root || path.startsWith(`${this.root}/`)));
      if (!busy) return { changes: all, lost: isLost };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const directory of this.#made.reverse()) rmdirSync(directory);
    this.feed[Symbol.dispose]();
    await this.owner.release();
  }
}

function firstHierarchy(): Hierarchy {
  const [hierarchy] = readHierarchies('/proc');
  if (!hierarchy) throw new Error('this host has no cgroup file system');
  return hierarchy;
}

test('cgroups that are made and removed one after another are all told, in order, with path, inode and hierarchy', {
  skip,
}, async () => {
  for (const hierarchy of readHierarchies('/proc')) {
    await using kernel = await Kernel.open(hierarchy, 'feed');
    kernel.drain();
    const { number } = hierarchy;
    const expected = Array.from({ length: 200 }, (_, index) => {
      const path = `/c${index}`;
      const inode = kernel.make(path);
      kernel.remove(path);
      const cgroup = { hierarchy: number, inode, path: kernel.root + path, pid: 0 };
      return [
        { type: 'made', ...cgroup },
        { type: 'removed', ...cgroup },
      ];
    }).flat();
    assert.deepEqual(kernel.drain(), { changes: expected, lost: false }, hierarchy.mountPoint);
    assert.deepEqual(kernel.drain(), { changes: [], lost: false });
  }
});

test('names with quotes, newlines, control characters and beyond ASCII come as they are', {
  skip,
}, async () => {
  await using kernel = await Kernel.open(firstHierarchy(), 'feed-names');
  kernel.drain();
  // The kernel itself refuses a newline in the name of a cgroup.
  const names = ['"}', "a'b", '\\n\\u0000', '\u0001\u001b[31m', '日本😀', 'x'.repeat(255), ' (deleted)'];
  for (const name of names) kernel.make(`/${name}`);
  assert.throws(() => kernel.make('/new\nline'), { code: 'EINVAL' });
  const { changes } = kernel.drain();
  assert.deepEqual(
    changes.map(({ path }) => path),
    names.map((name) => `${kernel.root}/${name}`),
  );
});

test('a process that is moved into a cgroup is told, after the cgroup', { skip }, async () => {
  await using kernel = await Kernel.open(firstHierarchy(), 'feed-joined');
  const sleep = spawn('sleep', ['60']);
  try {
    await once(sleep, 'spawn');
    const inode = kernel.make('/c');
    writeFileSync(join(kernel.directory('/c'), 'cgroup.procs'), String(sleep.pid));
    const [root, ...changes] = kernel.drain().changes;
    assert.equal(root?.type, 'made');
    const cgroup = { hierarchy: kernel.hierarchy.number, inode, path: `${kernel.root}/c` };
    assert.deepEqual(changes, [
      { type: 'made', ...cgroup, pid: 0 },
      { type: 'joined', ...cgroup, pid: sleep.pid },
    ]);
  } finally {
    const exited = once(sleep, 'exit');
    sleep.kill('SIGKILL');
    await exited;
  }
});

test('when more happens than the ring holds, that is said once, and what comes afterwards is told', {
  skip,
}, async () => {
  await using kernel = await Kernel.open(firstHierarchy(), 'feed-lost');
  kernel.drain();
  for (let index = 0; index < MORE_THAN_FIT; index++) {
    kernel.make('/c');
    kernel.remove('/c');
  }
  const { changes, lost } = kernel.drain();
  assert.equal(lost, true);
  assert.ok(changes.length > 1000 && changes.length < 2 * MORE_THAN_FIT, `${changes.length} records`);
  const inode = kernel.make('/after');
  const again = kernel.drain();
  assert.deepEqual([again.lost, again.changes.map((change) => change.inode)], [false, [inode]]);
});

test('a cgroup whose path is longer than the kernel prints counts as lost: a path that is cut means another one', {
  skip,
}, async () => {
  await using kernel = await Kernel.open(firstHierarchy(), 'feed-long');
  kernel.drain();
  const name = `/${'n'.repeat(250)}`;
  for (let depth = 1; depth <= 3; depth++) kernel.make(name.repeat(depth));
  assert.equal(kernel.drain().lost, false);
  kernel.make(name.repeat(4));
  kernel.make(`${name.repeat(4)}/${'e'.repeat(100)}`);
  assert.deepEqual(kernel.drain(), { changes: [], lost: true });
  kernel.make('/short');
  assert.deepEqual(kernel.drain().changes.length, 1);
});

test('a second life adopts programs and ring, and is told what happened in between', { skip }, async () => {
  await using kernel = await Kernel.open(firstHierarchy(), 'feed-adopted');
  const before = kernel.make('/before');
  assert.deepEqual(
    kernel
      .drain()
      .changes.map(({ inode }) => inode)
      .at(-1),
    before,
  );
  const { object } = kernel.owner;
  kernel.feed[Symbol.dispose]();
  const between = kernel.make('/between');
  kernel.feed = await CgroupFeed.open(kernel.owner.calls, cgroupsObject().manifest.event);
  assert.equal(kernel.owner.object, object);
  const after = kernel.make('/after');
  assert.deepEqual(
    kernel.drain().changes.map(({ inode }) => inode),
    [between, after],
  );
});

test('a host without type information is told so, and nothing is loaded', { skip }, async () => {
  const paths = { ...HOST_PATHS, sysfs: dirname(import.meta.filename) };
  const owner = new KernelOwner({ ...cgroupsObject(), paths });
  await assert.rejects(
    CgroupFeed.open(owner.calls, cgroupsObject().manifest.event),
    (error) => error instanceof HuatuoError && error.code === 'BTF_MISSING',
  );
  assert.equal(owner.object, undefined);
});
