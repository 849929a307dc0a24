/** Against the kernel's own cgroup file system. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CgroupContainers } from '../../src/containers/cgroup.ts';
import { findHierarchies } from '../../src/containers/hierarchies.ts';
import { parseMountinfo, readMountinfo } from '../../src/procfs/mountinfo.ts';

test('a real cgroup with a container name is a container while it exists, and is remembered afterwards', (t) => {
  const [hierarchy] = findHierarchies(parseMountinfo(readMountinfo('/proc')));
  if (!hierarchy || process.geteuid?.() !== 0) return t.skip('needs root and a cgroup file system');
  const id = randomBytes(32).toString('hex');
  const parent = join(hierarchy.mountPoint, `huatuo-test-${process.pid}`);
  const made = [
    parent,
    join(parent, 'docker'),
    join(parent, 'docker', id),
    join(parent, 'docker', id, 'init'),
  ];
  let now_ms = 0;
  const containers = new CgroupContainers({
    procfs: '/proc',
    log: { warn: (message, detail) => t.diagnostic(`${message} ${JSON.stringify(detail)}`) },
    now_ms: () => now_ms,
  });
  const [controller = ''] = hierarchy.controllers;
  const left = [...made];
  try {
    for (const path of made) mkdirSync(path);
    const inodes = made.map((path) => statSync(path, { bigint: true }).ino);
    const container = containers.list().find((one) => one.id === id);
    assert.equal(container?.cgroups[controller], made[2]);
    assert.equal(container?.cgroupIds[Object.keys(container.cgroups).indexOf(controller)], inodes[2]);
    const owners = (): (string | undefined)[] =>
      inodes.map((inode) => containers.byCgroupId(inode, controller)?.id);
    assert.deepEqual(owners(), [undefined, undefined, id, id]);
    for (const path of left.splice(0).reverse()) rmdirSync(path);
    now_ms = 6_000;
    assert.equal(
      containers.list().some((one) => one.id === id),
      false,
    );
    assert.deepEqual(owners(), [undefined, undefined, id, id]);
  } finally {
    for (const path of left.reverse()) rmdirSync(path);
  }
});
