import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { linkSpeed } from '../../src/procfs/link-speed.ts';
import { hardwareDevices } from '../../src/procfs/network-hardware.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

const NO_LOG = { warn: () => assert.fail('nothing is left out') };

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
    hardwareDevices(sysfs.directory, () => true, NO_LOG),
    [
      { device: 'eth0', driver: 'mlx5_core' },
      { device: 'eth1', driver: 'i40e' },
    ],
  );
  assert.deepEqual(
    hardwareDevices(sysfs.directory, (name) => name === 'eth1', NO_LOG).map(({ device }) => device),
    ['eth1'],
  );
  assert.deepEqual(
    hardwareDevices('/nonexistent', () => true, NO_LOG),
    [],
  );
});

test('of more than 256 the first are asked, and the log says how many are not', () => {
  using sysfs = new FixtureProc();
  for (let index = 0; index < 259; index++) {
    const directory = join(sysfs.directory, `class/net/eth${index}/device`);
    mkdirSync(directory, { recursive: true });
    symlinkSync('../../../bus/pci/drivers/mlx5_core', join(directory, 'driver'));
  }
  const told: unknown[] = [];
  const warn = (_message: string, detail?: object): void => void told.push(detail);
  assert.equal(hardwareDevices(sysfs.directory, () => true, { warn }).length, 256);
  assert.deepEqual(told, [{ left_out: 3 }]);
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
