/** Messages as bond_fill_slave_info() of the kernel writes them, through the real reader and the real collector. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BONDING } from '../../../src/collectors/events/netdev-bonding.ts';
import { LacpPorts, type PortChange } from '../../../src/collectors/events/netdev-lacp-ports.ts';
import { linkMessage } from '../../../src/netlink/link.ts';
import { messagesIn } from '../../../src/netlink/message.ts';
import { lackOf } from '../../../src/sdk/host-need.ts';
import {
  attribute,
  link,
  message,
  NLM_F_MULTI,
  NLMSG_DONE,
  RTM_NEWLINK,
  text,
  u8,
  u16,
  u32,
} from '../../netlink/bytes.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { sampleValue } from '../../support/prometheus-text.ts';

/** activity, aggregation, synchronization, collecting, distributing */
const IN_SERVICE = 0x3d;
/** activity, aggregation, synchronization */
const CUT_OFF = 0x0d;

const bond = (): Uint8Array =>
  message(
    RTM_NEWLINK,
    NLM_F_MULTI,
    link(9, 1, attribute(3, text('bond0')), attribute(18, attribute(1, text('bond')))),
  );

/** BOND_LINK_UP, BOND_LINK_DOWN */
const [UP, DOWN] = [0, 2];

function port(name: string, actor: number, partner: number, { aggregator = 1, mii = UP } = {}): Uint8Array {
  const state = attribute(
    5,
    attribute(1, u8(0)),
    attribute(2, u8(mii)),
    attribute(3, u32(4)),
    attribute(4, Uint8Array.of(2, 0, 0, 0, 0, 1)),
    attribute(5, u16(0)),
    attribute(6, u16(aggregator)),
    attribute(7, u8(actor)),
    attribute(8, u16(partner)),
    attribute(9, u32(0)),
  );
  const info = attribute(18, attribute(4, text('bond')), state);
  const index = name === 'eth0' ? 2 : 3;
  return message(
    RTM_NEWLINK,
    NLM_F_MULTI,
    link(index, 1, attribute(3, text(name)), attribute(10, u32(9)), info),
  );
}

/** A tree for a host whose bonding driver says this of bond0. */
function host(content: string): Disposable & { readonly procfs: string; readonly sysfs: string } {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-bond-'));
  mkdirSync(join(directory, 'proc/net/bonding'), { recursive: true });
  mkdirSync(join(directory, 'sys/class/net'), { recursive: true });
  writeFileSync(join(directory, 'proc/net/bonding/bond0'), content);
  writeFileSync(join(directory, 'sys/class/net/bonding_masters'), 'bond0\n');
  return {
    procfs: join(directory, 'proc'),
    sysfs: join(directory, 'sys'),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

/** Runs the collector over these notifications, behind a dump of the bond and two ports in service. */
async function run(
  notifications: readonly Uint8Array[],
  options: Readonly<Record<string, unknown>> = {},
): Promise<CollectorHarness> {
  using paths = host('Ethernet Channel Bonding Driver\n');
  const waiting = notifications.map((datagram) => ({ datagrams: [datagram], lost: false }));
  const collector = await CollectorHarness.load('netdev_bonding_lacp', {
    options,
    paths,
    netlink: {
      request: async () => [
        Buffer.concat([port('eth0', IN_SERVICE, IN_SERVICE), port('eth1', IN_SERVICE, IN_SERVICE), bond()]),
        message(NLMSG_DONE, NLM_F_MULTI, u32(0)),
      ],
      driverOf: async () => undefined,
      driverCounters: async () => undefined,
      subscribe: async () => ({
        next: async () => waiting.shift(),
        [Symbol.asyncDispose]: async () => undefined,
      }),
    },
  });
  await collector.start();
  return collector;
}

test('a port that LACP cuts off is a warning with the bond, both sides, and what the driver writes', async () => {
  await using collector = await run([port('eth0', CUT_OFF, 0x45), port('eth1', IN_SERVICE, IN_SERVICE)]);
  assert.deepEqual(collector.saved, [
    {
      severity: 'warning',
      data: {
        ifname: 'eth0',
        index: 2,
        bond: 'bond0',
        lost: ['collecting', 'distributing'],
        gained: [],
        actor: ['activity', 'aggregation', 'synchronization'],
        partner_lost: ['synchronization', 'collecting', 'distributing'],
        partner_gained: ['defaulted'],
        partner: ['activity', 'aggregation', 'defaulted'],
        aggregator_id: 1,
        mii_status: 'up',
        link_failures: 4,
        content: 'Ethernet Channel Bonding Driver\n',
      },
    },
  ]);
  assert.equal(sampleValue(await collector.scrape(), 'huatuo_bamai_netdev_bonding_lacp_total', {}), 1);
});

test('that it is back, or in another aggregator, is no warning; and can be left out', async () => {
  const all = [port('eth0', CUT_OFF, 0x45), port('eth0', IN_SERVICE, IN_SERVICE, { aggregator: 2 })];
  await using collector = await run(all);
  assert.deepEqual(
    collector.saved.map(({ severity }) => severity),
    ['warning', 'info'],
  );
  assert.partialDeepStrictEqual(collector.saved[1]?.data, { previous_aggregator_id: 1 });
  await using onlyCutOff = await run(all, { all_changes: false });
  assert.deepEqual(
    onlyCutOff.saved.map(({ severity }) => severity),
    ['warning'],
  );
});

test('a port that flaps costs no more than its budget, and its end is told', async () => {
  const flapping = Array.from({ length: 10 }, (_, i) =>
    port('eth0', i % 2 ? IN_SERVICE : CUT_OFF, IN_SERVICE),
  );
  await using collector = await run([...flapping, port('eth0', CUT_OFF, IN_SERVICE)], {
    max_events_per_minute: 2,
  });
  assert.equal(collector.saved.length, 2);
  await collector.clock.advance(61);
  assert.equal(collector.saved.length, 3);
  assert.partialDeepStrictEqual(collector.saved[2]?.data, {
    lost: ['collecting', 'distributing'],
    suppressed_changes: 8,
  });
  const page = await collector.scrape();
  assert.equal(sampleValue(page, 'huatuo_bamai_netdev_bonding_lacp_total', {}), 6);
  assert.equal(sampleValue(page, 'huatuo_netdev_bonding_suppressed_changes_total', { device: 'eth0' }), 9);
});

test('a port whose link is down is cut off, whatever LACP says of it, and once; it is back when LACP has it back', async () => {
  await using collector = await run([
    port('eth0', IN_SERVICE, IN_SERVICE, { mii: DOWN }),
    port('eth0', CUT_OFF, IN_SERVICE, { mii: DOWN }),
    port('eth0', CUT_OFF, IN_SERVICE),
    port('eth0', IN_SERVICE, IN_SERVICE),
  ]);
  assert.deepEqual(
    collector.saved.map(({ severity }) => severity),
    ['warning', 'info'],
  );
  assert.partialDeepStrictEqual(collector.saved[0]?.data, {
    ifname: 'eth0',
    lost: ['collecting', 'distributing'],
    mii_status: 'down',
  });
  assert.partialDeepStrictEqual(collector.saved[1]?.data, { gained: ['collecting', 'distributing'] });
});

test('a port without LACP, one that is new, and one that left its bond have not changed', () => {
  const ports = new LacpPorts();
  const tell = (bytes: Uint8Array): PortChange | undefined => {
    const told = messagesIn(bytes).map(linkMessage)[0];
    return told?.type === 'present' ? ports.present(told.link) : undefined;
  };
  const plain = message(RTM_NEWLINK, 0, link(2, 1, attribute(3, text('eth0'))));
  assert.equal(tell(plain), undefined);
  assert.equal(tell(port('eth0', IN_SERVICE, IN_SERVICE)), undefined);
  assert.equal(tell(plain), undefined);
  assert.equal(tell(port('eth0', CUT_OFF, CUT_OFF)), undefined);
  assert.deepEqual(tell(port('eth0', CUT_OFF, IN_SERVICE))?.bond, undefined, 'the bond has not been seen');
});

test('a kernel without the driver and without modules says so; others may load it later', () => {
  using there = host('');
  assert.equal(lackOf(BONDING, there), undefined);
  rmSync(join(there.sysfs, 'class/net/bonding_masters'));
  assert.equal(lackOf(BONDING, there)?.code, 'KERNEL_FEATURE_MISSING');
  assert.equal(lackOf(BONDING, there)?.permanent, true);
  writeFileSync(join(there.procfs, 'modules'), '');
  assert.equal(lackOf(BONDING, there), undefined);
});
