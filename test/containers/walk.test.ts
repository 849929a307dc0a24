/** Trees of plain directories stand for cgroup file systems: the inodes are real. */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Cgroup, directoryOf, inodeOf, type Walk, walkHierarchy } from '../../src/containers/walk.ts';
import { HuatuoError } from '../../src/error.ts';
import { FakeTree, V2 } from '../support/containers-fixture.ts';

const BROAD = 10_000;

function paths({ found }: Walk): string[] {
  return found.map(({ path }) => path);
}

test('every directory is found with its inode and number, parents before their children', () => {
  using tree = new FakeTree({ number: 7 });
  const inode = tree.make('/a/b');
  tree.make('/c');
  const { found, complete } = walkHierarchy(tree.hierarchy);
  assert.deepEqual(found.map(({ path }) => path).toSorted(), ['/', '/a', '/a/b', '/c']);
  assert.deepEqual(found.at(-1), { hierarchy: 7, inode, path: '/a/b' } satisfies Cgroup);
  assert.equal(complete, true);
});

test('files and symbolic links are no cgroups', () => {
  using tree = new FakeTree();
  using elsewhere = new FakeTree();
  elsewhere.make('/inside');
  const file = join(tree.mountPoint, 'file');
  writeFileSync(file, '');
  linkSync(file, join(tree.mountPoint, 'link'));
  symlinkSync(elsewhere.mountPoint, join(tree.mountPoint, 'symlink'));
  symlinkSync(tree.mountPoint, join(tree.mountPoint, 'loop'));
  assert.deepEqual(paths(walkHierarchy(tree.hierarchy)), ['/']);
});

test('a tree of ten thousand cgroups is walked to its end', () => {
  using tree = new FakeTree();
  const made = new Set(Array.from({ length: BROAD }, (_, index) => `/pod${index % 100}/c${index}`));
  for (const path of made) tree.make(path);
  const walk = walkHierarchy(tree.hierarchy);
  assert.equal(walk.complete, true);
  const found = new Set(paths(walk));
  assert.ok([...made].every((path) => found.has(path)));
  assert.equal(walk.found.length, BROAD + 100 + 1);
});

test('beyond the bound the deepest are cut, and that is said', () => {
  using tree = new FakeTree();
  for (const path of ['/a/1/x', '/b/2/y', '/c']) tree.make(path);
  const walk = walkHierarchy(tree.hierarchy, 6);
  assert.equal(walk.complete, false);
  assert.deepEqual(paths(walk).toSorted(), ['/', '/a', '/a/1', '/b', '/b/2', '/c']);
  assert.equal(walkHierarchy(tree.hierarchy, 8).complete, true);
});

test('what is deeper than sixteen levels is not searched, and that is said', () => {
  using tree = new FakeTree();
  const deep = '/d'.repeat(16);
  tree.make(deep);
  assert.equal(walkHierarchy(tree.hierarchy).complete, true);
  tree.make(`${deep}/e`);
  const walk = walkHierarchy(tree.hierarchy);
  assert.deepEqual([paths(walk).at(-1), walk.complete], [deep, false]);
});

test('names that make a path longer than the kernel takes do not end the walk', () => {
  using tree = new FakeTree();
  tree.make('/zzz');
  const home = process.cwd();
  try {
    process.chdir(tree.mountPoint);
    for (let depth = 0; depth < 20; depth++) {
      mkdirSync('n'.repeat(255));
      process.chdir('n'.repeat(255));
    }
  } finally {
    process.chdir(home);
  }
  const walk = walkHierarchy(tree.hierarchy);
  assert.ok(paths(walk).includes('/zzz'));
  assert.ok(walk.found.length > 10);
});

test('a name that is no UTF-8 hides itself and nothing else', () => {
  using tree = new FakeTree();
  tree.make('/known/below');
  mkdirSync(Buffer.concat([Buffer.from(`${tree.mountPoint}/`), Buffer.from([0xff, 0xfe])]));
  assert.deepEqual(paths(walkHierarchy(tree.hierarchy)), ['/', '/known', '/known/below']);
});

test('a mount point that cannot be read is an error that says what to do', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'huatuo-walk-')), 'file');
  writeFileSync(file, '');
  try {
    assert.throws(
      () => walkHierarchy({ ...V2, mountPoint: file }),
      (error) =>
        error instanceof HuatuoError && error.code === 'SOURCE_UNREADABLE' && /as root/.test(error.message),
    );
    assert.throws(() => walkHierarchy({ ...V2, mountPoint: join(file, '../none') }), HuatuoError);
  } finally {
    rmSync(join(file, '..'), { recursive: true });
  }
});

test('where only a part of the hierarchy is mounted, paths are those of the kernel', () => {
  using tree = new FakeTree({ root: '/kubepods/pod1' });
  tree.make('/a/b');
  assert.deepEqual(paths(walkHierarchy(tree.hierarchy)), [
    '/kubepods/pod1',
    '/kubepods/pod1/a',
    '/kubepods/pod1/a/b',
  ]);
  assert.equal(directoryOf(tree.hierarchy, '/kubepods/pod1/a'), join(tree.mountPoint, 'a'));
  assert.equal(directoryOf(tree.hierarchy, '/kubepods/pod12/a'), undefined);
  assert.equal(directoryOf(V2, '/any/where'), '/cg/any/where');
  assert.equal(inodeOf(join(tree.mountPoint, 'none')), undefined);
});
