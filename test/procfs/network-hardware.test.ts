import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { linkSpeed } from '../../src/procfs/link-speed.ts';
import { hardwareDevices } from '../../src/procfs/network-hardware.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('devices with a driver, by name; the others are made of software', () => {
  using sysfs = new FixtureProc();
  for (const [device, driver] of [
    ['eth1', 'i40e'],
    ['eth0', 'mlx5_core'],
  ] as const) {
    const directory = join(sysfs.directory, 'class/net', device, 'device');
    mkdirSync(directory, { recursive: true });
    symlinkSync(`../../../bus/pci/drivers/${driver}`, join(directory, 'driver'));
  }
  sysfs.write('class/net/veth0/speed', '10000\n');
  assert.deepEqual(
    hardwareDevices(sysfs.directory, () => true),
    [
      { device: 'eth0', driver: 'mlx5_core' },
      { device: 'eth1', driver: 'i40e' },
    ],
  );
  assert.deepEqual(
    hardwareDevices(sysfs.directory, (name) => name === 'eth1').map(({ device }) => device),
    ['eth1'],
  );
  assert.deepEqual(
    hardwareDevices('/nonexistent', () => true),
    [],
  );
});

test('the speed of a link is bytes per second, and absent where it is not known', () => {
  using sysfs = new FixtureProc();
  sysfs.write('class/net/fast/speed', '25000\n');
  sysfs.write('class/net/unplugged/speed', '-1\n');
  sysfs.write('class/net/odd/speed', 'x\n');
  assert.equal(linkSpeed(sysfs.directory, 'fast'), 3_125_000_000);
  for (const device of ['unplugged', 'odd', 'gone'])
    assert.equal(linkSpeed(sysfs.directory, device), undefined);
});
