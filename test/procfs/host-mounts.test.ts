import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isReadOnly, readHostMounts } from '../../src/procfs/host-mounts.ts';
import { parseMountinfo } from '../../src/procfs/mountinfo.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

const mountinfo = (...mounts: readonly string[]): string =>
  mounts.map((mount, index) => `${index + 30} 1 8:${index} / ${mount}\n`).join('');

test('of several at one mount point the last is shown, as it covers the others', () => {
  using proc = new FixtureProc();
  proc.write(
    'self/mountinfo',
    mountinfo('/ rw - ext4 /dev/sda1 rw', '/data rw - ext4 /dev/sdb rw', '/data ro - tmpfs none rw'),
  );
  assert.deepEqual(
    readHostMounts(proc.directory).map(({ path, type, source }) => [path, type, source]),
    [
      ['/', 'ext4', '/dev/sda1'],
      ['/data', 'tmpfs', 'none'],
    ],
  );
});

test('an agent with mounts of its own comes to those of init through its root', () => {
  using proc = new FixtureProc();
  proc.write('1/mountinfo', mountinfo('/ rw - ext4 /dev/sda1 rw', '/data rw - xfs /dev/sdb rw'));
  for (const [process, namespace] of [
    ['1', 'mnt:[1]'],
    ['self', 'mnt:[2]'],
  ] as const) {
    mkdirSync(join(proc.directory, process, 'ns'), { recursive: true });
    symlinkSync(namespace, join(proc.directory, process, 'ns/mnt'));
  }
  const root = join(proc.directory, '1/root');
  assert.deepEqual(
    readHostMounts(proc.directory).map(({ path, mountPoint }) => [path, mountPoint]),
    [
      [`${root}/`, '/'],
      [`${root}/data`, '/data'],
    ],
  );
});

test("where init's may not be looked at, this process' mounts are shown", () => {
  using proc = new FixtureProc();
  proc.write('1/mountinfo', mountinfo('/ rw - ext4 /dev/sdz1 rw', '/other rw - ext4 /dev/sdz2 rw'));
  proc.write('self/mountinfo', mountinfo('/ rw - ext4 /dev/sda1 rw'));
  assert.deepEqual(
    readHostMounts(proc.directory).map(({ path }) => path),
    ['/'],
  );
});

test('read-only is the mount, or what is mounted, also when the mount is still called rw', () => {
  const of = (line: string): boolean[] => parseMountinfo(mountinfo(line)).map(isReadOnly);
  assert.deepEqual(of('/a rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro'), [false]);
  assert.deepEqual(of('/a ro,relatime - ext4 /dev/sda1 rw'), [true]);
  assert.deepEqual(of('/a rw,relatime - ext4 /dev/sda1 ro'), [true]);
  assert.deepEqual(of('/a rw,relatime - ext4 /dev/sda1 rw,emergency_ro'), [true]);
});
