import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseCgroupMembership } from '../../src/procfs/cgroup-membership.ts';

test('each controller of a v1 hierarchy has its number and path, v2 is called unified', () => {
  const text = '9:name=systemd:/init.scope\n2:cpu,cpuacct:/a\n0::/system.slice/huatuo.service\n';
  assert.deepEqual(
    [...parseCgroupMembership(text)],
    [
      ['name=systemd', { hierarchy: 9, path: '/init.scope' }],
      ['cpu', { hierarchy: 2, path: '/a' }],
      ['cpuacct', { hierarchy: 2, path: '/a' }],
      ['unified', { hierarchy: 0, path: '/system.slice/huatuo.service' }],
    ],
  );
});

test('a path may hold colons, spaces and what the kernel appends to it', () => {
  const { path } = parseCgroupMembership('4:memory:/a:b c::/d (deleted)\n').get('memory') ?? {};
  assert.equal(path, '/a:b c::/d (deleted)');
});

test('a process outside the cgroup namespace has a path above the root', () => {
  assert.deepEqual(parseCgroupMembership('0::/../x').get('unified'), { hierarchy: 0, path: '/../x' });
});

test('lines of another format are skipped', () => {
  assert.equal(parseCgroupMembership('').size, 0);
  assert.equal(parseCgroupMembership('x\n::\n-1:blkio:/\n3:pids\n3:pids:relative\n:memory:/\n').size, 0);
});

test('this process is in a cgroup', () => {
  const own = parseCgroupMembership(readFileSync('/proc/self/cgroup', 'utf8'));
  assert.ok(own.size > 0);
});
