import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { answering } from '../../netlink/answering.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { samplesOf } from '../../support/prometheus-text.ts';

test('a driver that does not answer costs its own series only', async () => {
  using proc = new FixtureProc();
  using sysfs = new FixtureProc();
  symlinkSync('/proc/self', join(proc.directory, '1'));
  for (const device of ['eth0', 'eth1', 'eth2']) {
    const directory = join(sysfs.directory, 'class/net', device, 'device');
    mkdirSync(directory, { recursive: true });
    symlinkSync('../../../bus/pci/drivers/ice', join(directory, 'driver'));
  }
  await using ethtool = await CollectorHarness.load('netdev_ethtool', {
    paths: { procfs: proc.directory, sysfs: sysfs.directory },
    netlink: {
      ...answering({}),
      driverCounters: async (device) => {
        if (device === 'eth1') throw new Error('past its deadline');
        return [{ name: 'rx_errors', value: 3 }];
      },
    },
  });
  const page = await ethtool.scrape();
  assert.deepEqual(
    samplesOf(page, 'huatuo_netdev_ethtool_rx_errors_total').map(({ labels }) => labels.device),
    ['eth0', 'eth2'],
  );
  assert.ok(ethtool.logged.some((line) => line.includes('a driver does not tell its counters')));
});
