import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  blockDeviceName,
  interfaceName,
  netnsName,
  netnsOf,
  processesByNetns,
} from '../../src/procfs/device-names.ts';

const root = mkdtempSync(join(tmpdir(), 'huatuo-devices-'));
after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'dev/block'), { recursive: true });
symlinkSync('../../devices/pci0/nvme0n1/nvme0n1p2', join(root, 'dev/block/259:1048575'));
mkdirSync(join(root, '1/ns'), { recursive: true });
mkdirSync(join(root, '1/net'), { recursive: true });
symlinkSync('net:[4026531840]', join(root, '1/ns/net'));
writeFileSync(
  join(root, '1/net/igmp'),
  'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n12\teth0      :     2      V3\n',
);
writeFileSync(
  join(root, '1/net/if_inet6'),
  'fe80000000000000021122fffe334455 2c 40 20 80    wlan0\n00000000000000000000000000000001 01 80 10 80       lo\n',
);
writeFileSync(join(root, '1/net/dev_mcast'), '7    br0             1     0     333300000001\n');

test('a block device has the name that sysfs gives its number, else the number', () => {
  assert.equal(blockDeviceName(root, (259 << 20) | 1048575), 'nvme0n1p2');
  assert.equal(blockDeviceName(root, (4095 << 20) | 3), '4095:3');
});

test('an interface is found by its index in whichever file has it', () => {
  assert.deepEqual(
    [1, 12, 0x2c, 7, 2].map((index) => interfaceName(root, 1, index)),
    ['lo', 'eth0', 'wlan0', 'br0', undefined],
  );
  assert.equal(interfaceName(root, 99, 1), undefined);
});

test('the namespace of init is the host, another without a name has none', () => {
  assert.equal(netnsOf(root, 1), 4026531840);
  assert.equal(netnsOf(root, 99), undefined);
  assert.equal(netnsName(root, 4026531840), 'host');
  assert.equal(netnsName(root, 5), undefined);
});

test('a namespace without a container has a process when any is in it', () => {
  mkdirSync(join(root, '7/ns'), { recursive: true });
  symlinkSync('net:[5]', join(root, '7/ns/net'));
  assert.deepEqual([...processesByNetns(root)].sort(), [
    [4026531840, 1],
    [5, 7],
  ]);
});

test('a namespace that `ip netns` has named has that name, also where the root of process 1 may not be looked through', (t) => {
  const name = `huatuo-test-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name]);
  if (made.status !== 0) return t.skip('cannot make a network namespace here');
  try {
    const { ino } = statSync(join('/run/netns', name));
    assert.equal(netnsName('/proc', ino), name);
    assert.equal(netnsName(root, ino), name);
  } finally {
    spawnSync('ip', ['netns', 'delete', name]);
  }
});
