import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HuatuoError } from '../../src/error.ts';
import { findHierarchies, readHierarchies } from '../../src/procfs/cgroup-hierarchies.ts';
import { parseCgroupMembership } from '../../src/procfs/cgroup-membership.ts';
import { parseMountinfo } from '../../src/procfs/mountinfo.ts';

const V1_NUMBERS = '9:name=systemd:/\n4:memory:/a:b\n2:cpu,cpuacct:/\n6:freezer:/\n';

function mount(place: string, options: string, root = '/'): string {
  const [type, superOptions] = options === 'v2' ? ['cgroup2', 'rw,nsdelegate'] : ['cgroup', `rw,${options}`];
  return `30 24 0:26 ${root} ${place} rw,nosuid shared:9 - ${type} ${type} ${superOptions}\n`;
}

function hierarchies(mountinfo: string, cgroup: string) {
  return findHierarchies(parseMountinfo(mountinfo), parseCgroupMembership(cgroup));
}

/** A procfs with these two files. */
function procfs(mountinfo: string | undefined, cgroup: string): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'huatuo-procfs-'));
  mkdirSync(join(path, 'self'));
  writeFileSync(join(path, 'self/cgroup'), cgroup);
  if (mountinfo !== undefined) writeFileSync(join(path, 'self/mountinfo'), mountinfo);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

test('on v2 there is one, of number 0', () => {
  assert.deepEqual(hierarchies(mount('/sys/fs/cgroup', 'v2'), '0::/user.slice\n'), [
    { number: 0, controllers: ['unified'], mountPoint: '/sys/fs/cgroup', root: '/' },
  ]);
});

test('on v1 there is one for each mount with a controller that counts here; two controllers may share one', () => {
  const mounts =
    mount('/c/memory', 'memory') +
    mount('/c/cpu', 'cpu,cpuacct') +
    mount('/c/systemd', 'xattr,name=systemd') +
    mount('/c/freezer', 'freezer');
  assert.deepEqual(
    hierarchies(mounts, V1_NUMBERS).map(({ number, controllers }) => [number, controllers]),
    [
      [4, ['memory']],
      [2, ['cpu', 'cpuacct']],
    ],
  );
});

test('on a hybrid host there are both', () => {
  const mounts = mount('/c/memory', 'memory') + mount('/c/unified', 'v2');
  const found = hierarchies(mounts, `${V1_NUMBERS}0::/\n`);
  assert.deepEqual(
    found.map(({ number, mountPoint }) => [number, mountPoint]),
    [
      [4, '/c/memory'],
      [0, '/c/unified'],
    ],
  );
});

test('the mount that shows the whole hierarchy is taken before a bind mount of a part', () => {
  const mounts =
    mount('/part', 'memory', '/docker/x') +
    mount('/whole', 'memory') +
    mount('/other', 'memory', '/docker/y');
  assert.deepEqual(
    hierarchies(mounts, V1_NUMBERS).map(({ mountPoint }) => mountPoint),
    ['/whole'],
  );
});

test('an agent in a container knows which part it sees', () => {
  const [one] = hierarchies(mount('/sys/fs/cgroup', 'v2', '/docker/x'), '0::/\n');
  assert.equal(one?.root, '/docker/x');
});

test('other file systems, hierarchies without a number and broken lines are left out', () => {
  const other = '30 24 0:26 / /proc rw - proc proc rw\n';
  assert.deepEqual(
    hierarchies(`${other}broken\n\n${mount('/c/blkio', 'blkio')}`, `x\n::\n-1:blkio:/\n${V1_NUMBERS}`),
    [],
  );
});

test('this host has at least one, and its numbers are those of /proc/self/cgroup', () => {
  const found = readHierarchies('/proc');
  assert.ok(found.length > 0);
  assert.equal(new Set(found.map(({ number }) => number)).size, found.length);
});

test('where none is mounted for this process, they are seen through the root of process 1', () => {
  using host = procfs('', '0::/\n');
  mkdirSync(join(host.path, '1'));
  writeFileSync(join(host.path, '1/mountinfo'), mount('/sys/fs/cgroup', 'v2'));
  assert.deepEqual(readHierarchies(host.path), [
    {
      number: 0,
      controllers: ['unified'],
      mountPoint: join(host.path, '1/root/sys/fs/cgroup'),
      root: '/',
    },
  ]);
});

test('a host without a cgroup file system and an unreadable procfs are told apart, with what to do', () => {
  using none = procfs('', '');
  using unreadable = procfs(undefined, '');
  const message = (path: string): string => {
    try {
      readHierarchies(path);
    } catch (error) {
      assert.ok(error instanceof HuatuoError && error.code === 'SOURCE_UNREADABLE');
      return error.message;
    }
    throw new assert.AssertionError({ message: 'found some' });
  };
  assert.match(message(none.path), /found none; mount cgroup2/);
  assert.match(message(unreadable.path), /ENOENT.*; set path\.procfs/);
});
