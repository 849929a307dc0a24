import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isInHostNetwork, perContainerNetwork } from '../../src/procfs/network.ts';
import type { Container } from '../../src/sdk/container.ts';
import { hostNetworkContainer, hostNetworkFiles, networkContainer } from '../support/fixture-network.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

/** What is shown of each container, and how often files were read. */
function shown(proc: FixtureProc, containers: readonly Container[]): { found: string[]; reads: number } {
  const found: string[] = [];
  let reads = 0;
  perContainerNetwork(
    {
      containers: { list: () => containers },
      log: { warn: (message) => void found.push(message) },
      paths: { procfs: proc.directory },
    },
    (directory) => {
      reads += 1;
      return readFileSync(join(directory, 'x'), 'utf8');
    },
    (text, labels) => found.push(`${labels.container_id} ${text}`),
  );
  return { found, reads };
}

test('each container shows its own network, and those of a pod the same one, which is read once', () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { x: 'host' });
  const containers = [
    networkContainer(proc, 'a', { initPid: 100, netnsInode: 7 }, { x: 'first' }),
    networkContainer(proc, 'b', { initPid: 200, netnsInode: 8 }, { x: 'second' }),
    networkContainer(proc, 'c', { initPid: 300, netnsInode: 8 }, { x: 'second' }),
  ];
  assert.deepEqual(shown(proc, containers), { found: ['a first', 'b second', 'c second'], reads: 2 });
});

test("the host's network is no container's; nor is that of a process that has taken over the number", () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { x: 'host' });
  const containers = [
    hostNetworkContainer(proc, 'on-host', 100),
    { ...networkContainer(proc, 'reused', { initPid: 200, netnsInode: 9 }, { x: 'other' }), netnsInode: 8 },
    { ...networkContainer(proc, 'gone', { initPid: 300, netnsInode: 10 }, { x: 'x' }), initPid: 999 },
  ];
  assert.deepEqual(shown(proc, containers), { found: [], reads: 0 });
});

test('a namespace that cannot be read costs only its containers', () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, {});
  const containers = [
    // A directory in place of the file.
    networkContainer(proc, 'odd', { initPid: 100, netnsInode: 7 }, { 'x/y': '' }),
    networkContainer(proc, 'good', { initPid: 200, netnsInode: 8 }, { x: 'fine' }),
  ];
  assert.deepEqual(shown(proc, containers).found, ['a container cannot be read', 'good fine']);
});

test('whether netlink tells of the host', () => {
  using proc = new FixtureProc();
  assert.equal(isInHostNetwork(proc.directory), false, 'nothing to tell it by');
  hostNetworkFiles(proc, {});
  assert.equal(isInHostNetwork(proc.directory), false);
  using own = new FixtureProc();
  symlinkSync('/proc/self', join(own.directory, '1'));
  assert.equal(isInHostNetwork(own.directory), true);
});
