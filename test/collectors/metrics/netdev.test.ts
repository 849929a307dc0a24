/** netdev over a host that the test makes up, and over this one. */
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseNetDev } from '../../../src/procfs/net-dev.ts';
import { answering } from '../../netlink/answering.ts';
import {
  attribute,
  link,
  message,
  NLM_F_MULTI,
  NLMSG_DONE,
  RTM_NEWLINK,
  text,
  u8,
  u32,
  u64,
} from '../../netlink/bytes.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { hostNetworkContainer, hostNetworkFiles, networkContainer } from '../../support/fixture-network.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const TITLE = 'Inter-|   Receive\n face |bytes\n';
const row = (device: string, first: number): string =>
  `${device}: ${Array.from({ length: 16 }, (_, index) => first + index).join(' ')}\n`;
const RECEIVED = 'huatuo_bamai_netdev_receive_bytes_total';
const CONTAINER_RECEIVED = 'huatuo_bamai_netdev_container_receive_bytes_total';

function device(index: number, name: string, ...attributes: readonly Uint8Array[]): Uint8Array {
  const counters = Array.from({ length: 25 }, (_, at) => u64(BigInt(at + 1)));
  return message(
    RTM_NEWLINK,
    NLM_F_MULTI,
    link(index, 1, attribute(3, text(name)), attribute(23, ...counters), ...attributes),
  );
}

test('containers show their own devices; host and containers in its network show those of the host', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { dev: TITLE + row('lo', 1) + row('eth0', 1000) + row('veth1234', 2000) });
  await using netdev = await CollectorHarness.load('netdev', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    containers: [
      networkContainer(
        proc,
        'web',
        { initPid: 100, netnsInode: 7 },
        { dev: TITLE + row('lo', 1) + row('eth0', 5000) },
      ),
      hostNetworkContainer(proc, 'on-host', 200),
    ],
  });
  const page = await netdev.scrape();
  assert.deepEqual(
    samplesOf(page, RECEIVED).map(({ labels, value }) => [labels.device, value]),
    [['eth0', 1000]],
  );
  assert.deepEqual(
    samplesOf(page, CONTAINER_RECEIVED).map(({ labels, value }) => [
      labels.container_id,
      labels.device,
      value,
    ]),
    [['web', 'eth0', 5000]],
  );
  assert.equal(sampleValue(page, 'huatuo_bamai_netdev_container_transmit_compressed_total'), 5015);
  assert.equal(page.get(RECEIVED)?.type, 'counter');
  // The agent is not in the network of this host, so what only netlink tells is not known.
  assert.equal(page.get('huatuo_netdev_up'), undefined);
  assert.equal(page.get('huatuo_bamai_netdev_receive_nohandler_total'), undefined);
});

test('patterns choose devices, of containers too', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { dev: TITLE + row('lo', 1) + row('eth0', 2) + row('bond0', 3) });
  await using netdev = await CollectorHarness.load('netdev', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    options: { include: 'lo|eth.*', exclude: '' },
    containers: [
      networkContainer(proc, 'web', { initPid: 100, netnsInode: 7 }, { dev: TITLE + row('lo', 4) }),
    ],
  });
  const page = await netdev.scrape();
  const devices = (name: string) => samplesOf(page, name).map(({ labels }) => labels.device);
  assert.deepEqual(devices(RECEIVED), ['lo', 'eth0']);
  assert.deepEqual(devices(CONTAINER_RECEIVED), ['lo']);
});

test('in the network of the host rtnetlink tells more, and of the link', async () => {
  using proc = new FixtureProc();
  using sysfs = new FixtureProc();
  symlinkSync('/proc/self', join(proc.directory, '1'));
  sysfs.write('class/net/eth0/speed', '1000\n');
  const carrier = attribute(33, u8(1));
  await using netdev = await CollectorHarness.load('netdev', {
    paths: { procfs: proc.directory, sysfs: sysfs.directory },
    netlink: answering({
      18: [
        device(1, 'lo'),
        device(2, 'eth0', attribute(4, u32(1500)), attribute(16, u8(6)), carrier, attribute(35, u32(5))),
        device(3, 'br0', attribute(16, u8(2))),
        device(4, 'tun0', attribute(16, u8(0))),
        message(NLMSG_DONE, NLM_F_MULTI, u32(0)),
      ],
    }),
  });
  const page = await netdev.scrape();
  const values = (name: string) =>
    Object.fromEntries(
      samplesOf(page, name).flatMap(({ labels, value }) =>
        labels.device === 'tun0' ? [] : [[labels.device, value]],
      ),
    );
  assert.deepEqual(samplesOf(page, 'huatuo_netdev_up', { device: 'tun0' }), []);
  assert.equal(sampleValue(page, 'huatuo_netdev_info', { device: 'tun0', operstate: 'unknown' }), 1);
  assert.deepEqual(values('huatuo_netdev_up'), { eth0: 1, br0: 0 });
  assert.deepEqual(values('huatuo_netdev_carrier'), { eth0: 1 });
  assert.deepEqual(values('huatuo_netdev_carrier_changes_total'), { eth0: 5 });
  assert.deepEqual(values('huatuo_netdev_mtu_bytes'), { eth0: 1500 });
  assert.deepEqual(values('huatuo_netdev_speed_bytes'), { eth0: 125_000_000 });
  // rx_dropped and rx_missed_errors, as /proc/net/dev has them together.
  assert.deepEqual(values('huatuo_bamai_netdev_receive_dropped_total'), { eth0: 7 + 16, br0: 7 + 16 });
  assert.deepEqual(values('huatuo_bamai_netdev_receive_missed_errors_total'), { eth0: 16, br0: 16 });
  assert.deepEqual(values('huatuo_bamai_netdev_receive_frame_total'), { eth0: 50, br0: 50 });
  assert.deepEqual(values('huatuo_bamai_netdev_transmit_carrier_total'), {
    eth0: 17 + 18 + 20 + 21,
    br0: 76,
  });
  assert.deepEqual(values('huatuo_bamai_netdev_receive_otherhost_dropped_total'), { eth0: 25, br0: 25 });
});

test('ports of a bond that is not shown itself say whether their link is up, and how often it failed', async () => {
  using proc = new FixtureProc();
  symlinkSync('/proc/self', join(proc.directory, '1'));
  const port = (status: number, failures: number): Uint8Array[] => [
    attribute(10, u32(9)),
    attribute(
      18,
      attribute(4, text('bond')),
      attribute(5, attribute(2, u8(status)), attribute(3, u32(failures))),
    ),
  ];
  await using netdev = await CollectorHarness.load('netdev', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    options: { include: 'eth.*' },
    netlink: answering({
      18: [
        device(2, 'eth0', ...port(0, 3)),
        device(3, 'eth1', ...port(2, 4)),
        device(9, 'bond0', attribute(18, attribute(1, text('bond')))),
        message(NLMSG_DONE, NLM_F_MULTI, u32(0)),
      ],
    }),
  });
  const page = await netdev.scrape();
  const ports = (name: string) =>
    samplesOf(page, `huatuo_netdev_bond_port_${name}`).map(({ labels: { master, device }, value }) => [
      master,
      device,
      value,
    ]);
  assert.deepEqual(ports('up'), [
    ['bond0', 'eth0', 1],
    ['bond0', 'eth1', 0],
  ]);
  assert.deepEqual(ports('link_failures_total'), [
    ['bond0', 'eth0', 3],
    ['bond0', 'eth1', 4],
  ]);
});

test('rtnetlink and /proc/net/dev of this host say the same', async () => {
  using proc = new FixtureProc();
  symlinkSync('/proc/self', join(proc.directory, '1'));
  await using netdev = await CollectorHarness.load('netdev', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    options: { exclude: '' },
  });
  const before = parseNetDev(readFileSync('/proc/self/net/dev', 'utf8'));
  const page = await netdev.scrape();
  const after = parseNetDev(readFileSync('/proc/self/net/dev', 'utf8'));
  for (const column of ['receive_bytes', 'receive_dropped', 'transmit_packets', 'transmit_carrier'] as const)
    for (const { labels, value } of samplesOf(page, `huatuo_bamai_netdev_${column}_total`)) {
      const { device = '' } = labels;
      const [least, most] = [before.get(device)?.[column], after.get(device)?.[column]];
      assert.ok(
        value >= Number(least) && value <= Number(most),
        `${device} ${column}: ${least} ${value} ${most}`,
      );
    }
  assert.ok(samplesOf(page, RECEIVED).some(({ labels }) => labels.device === 'lo'));
});
