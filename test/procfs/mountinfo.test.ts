import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseMountinfo, readMountinfo } from '../../src/procfs/mountinfo.ts';

test('mounts are read with and without optional fields', () => {
  const text = [
    '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue',
    '40 30 0:35 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct',
    '',
  ].join('\n');
  assert.deepEqual(parseMountinfo(text), [
    {
      device: '98:0',
      root: '/mnt1',
      mountPoint: '/mnt2',
      options: ['rw', 'noatime'],
      type: 'ext3',
      source: '/dev/root',
      superOptions: ['rw', 'errors=continue'],
    },
    {
      device: '0:35',
      root: '/',
      mountPoint: '/sys/fs/cgroup/cpu,cpuacct',
      options: ['rw', 'nosuid'],
      type: 'cgroup',
      source: 'cgroup',
      superOptions: ['rw', 'cpu', 'cpuacct'],
    },
  ]);
});

test('octal escapes in paths are undone once', () => {
  const [mount] = parseMountinfo('1 2 0:3 /a\\040b /c\\134040\\011d rw - tmpfs none rw');
  assert.equal(mount?.root, '/a b');
  assert.equal(mount?.mountPoint, '/c\\040\td');
});

test('lines that are not in the format are skipped, whatever they hold', () => {
  assert.deepEqual(
    parseMountinfo('nonsense\n1 2 3\n1 2 0:3 / /x rw shared:1 tmpfs none rw\n1 2 0:3 / /x rw -\n'),
    [],
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseMountinfo(text)));
});

test('this process has a root mount', () => {
  assert.ok(parseMountinfo(readMountinfo('/proc')).some(({ mountPoint }) => mountPoint === '/'));
});
