/**
 * netdev_qdisc, netdev_dcb, netdev_hw, netdev_rdma_link and netdev_ethtool with a kernel that the test makes up: their hardware is
 * rare, so messages are laid out as the kernel's headers say and go through the real readers.
 */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HuatuoError } from '../../../src/error.ts';
import type { Netlink } from '../../../src/sdk/netlink.ts';
import { answering } from '../../netlink/answering.ts';
import {
  attribute,
  link,
  message,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_NEWLINK,
  text,
  u16,
  u32,
  u64,
} from '../../netlink/bytes.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const DONE = message(NLMSG_DONE, NLM_F_MULTI, u32(0));
const ENODEV = 19;
const EOPNOTSUPP = 95;
const RDMA_GET = (5 << 10) + 1;
const RDMA_STAT_GET = (5 << 10) + 17;

/** A host in whose network the agent is, with these cards. */
class Host implements Disposable {
  readonly #proc = new FixtureProc();
  readonly #sysfs = new FixtureProc();

  constructor(cards: Readonly<Record<string, string>>) {
    symlinkSync('/proc/self', join(this.#proc.directory, '1'));
    for (const [device, driver] of Object.entries(cards)) {
      const directory = join(this.#sysfs.directory, 'class/net', device, 'device');
      mkdirSync(directory, { recursive: true });
      symlinkSync(`/bus/pci/drivers/${driver}`, join(directory, 'driver'));
    }
  }

  async page(
    name: string,
    netlink: Netlink,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<ReadonlyMap<string, PageFamily>> {
    await using collector = await this.collector(name, netlink, options);
    return await collector.scrape();
  }

  collector(
    name: string,
    netlink: Netlink,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<CollectorHarness> {
    const paths = { procfs: this.#proc.directory, sysfs: this.#sysfs.directory };
    return CollectorHarness.load(name, { paths, netlink, options });
  }

  [Symbol.dispose](): void {
    this.#proc[Symbol.dispose]();
    this.#sysfs[Symbol.dispose]();
  }
}

/** A device whose counters are `first`, `first + 1` … */
const device = (index: number, name: string, first: number): Uint8Array =>
  message(
    RTM_NEWLINK,
    NLM_F_MULTI,
    link(
      index,
      1,
      attribute(3, text(name)),
      attribute(23, ...Array.from({ length: 25 }, (_, at) => u64(BigInt(first * (at + 1))))),
    ),
  );

function qdisc(index: number, parent: number, kind: string, bytes: bigint): Uint8Array {
  const head = Buffer.alloc(20);
  head.writeInt32LE(index, 4);
  head.writeUInt32LE(parent, 12);
  const counters = [
    attribute(1, u64(bytes), u32(2), u32(0)),
    attribute(3, u32(6), u32(7), u32(3), u32(4), u32(5)),
  ];
  return message(36, NLM_F_MULTI, head, attribute(1, text(kind)), attribute(7, ...counters));
}

test('netdev_qdisc: roots and ingress of the wanted devices', async () => {
  using host = new Host({});
  const page = await host.page(
    'netdev_qdisc',
    answering({
      18: [device(1, 'lo', 0), device(2, 'eth0', 0), DONE],
      38: [
        qdisc(1, 0xffffffff, 'noqueue', 1n),
        qdisc(2, 0xffffffff, 'mq', 1000n),
        qdisc(2, 0x10001, 'fq_codel', 600n),
        qdisc(2, 0xfffffff1, 'clsact', 50n),
        qdisc(9, 0xffffffff, 'fq', 5n),
        DONE,
      ],
    }),
  );
  const values = (name: string) =>
    samplesOf(page, `huatuo_bamai_netdev_qdisc_${name}`).map(({ labels, value }) => [
      labels.device,
      labels.kind,
      value,
    ]);
  assert.deepEqual(values('bytes_total'), [
    ['eth0', 'mq', 1000],
    ['eth0', 'clsact', 50],
  ]);
  const first = (name: string) => values(name)[0]?.[2];
  assert.deepEqual(
    ['packets_total', 'drops_total', 'requeues_total', 'overlimits_total'].map(first),
    [2, 3, 4, 5],
  );
  assert.deepEqual(['current_queue_length', 'backlog'].map(first), [6, 7]);
});

/** Answer for a device whose priority 3 has sent and received. */
function pfc(sent: bigint, received: bigint): Uint8Array {
  const at3 = (value: bigint): Uint8Array[] => [0n, 0n, 0n, value, 0n, 0n, 0n, 0n].map(u64);
  return message(
    78,
    0,
    Uint8Array.of(0, 21, 0, 0),
    attribute(13 | 0x8000, attribute(2, Buffer.alloc(8), ...at3(sent), ...at3(received))),
  );
}

test('netdev_dcb: pause frames of each priority, of cards alone', async () => {
  using host = new Host({ eth0: 'mlx5_core' });
  const kernel = answering({ 78: [pfc(17n, 23n)] });
  const page = await host.page('netdev_dcb', kernel);
  const sent = 'huatuo_bamai_netdev_dcb_pfc_send_total';
  assert.equal(sampleValue(page, sent, { device: 'eth0', prio: '3' }), 17);
  assert.equal(samplesOf(page, sent).length, 8);
  const received = 'huatuo_bamai_netdev_dcb_pfc_received_total';
  assert.equal(sampleValue(page, received, { device: 'eth0', prio: '3' }), 23);
  assert.equal(kernel.requests.length, 1);
});

test('netdev_dcb: a card that has gone costs only its own series', async () => {
  using host = new Host({ eth0: 'mlx5_core', eth1: 'mlx5_core' });
  const answers = [message(NLMSG_ERROR, 0, u32(-ENODEV), Buffer.alloc(16)), pfc(1n, 2n)];
  const kernel: Netlink = { ...answering({}), request: async () => [answers.shift()!] };
  const page = await host.page('netdev_dcb', kernel);
  const devices = samplesOf(page, 'huatuo_bamai_netdev_dcb_pfc_send_total').map(
    ({ labels }) => labels.device,
  );
  assert.deepEqual([...new Set(devices)], ['eth1']);
});

test('netdev_dcb: a card without PFC is not asked at each scrape, one with it is', async () => {
  using host = new Host({ eth0: 'mlx5_core', eth1: 'virtio_net' });
  const unsupported = message(NLMSG_ERROR, 0, u32(-EOPNOTSUPP), Buffer.alloc(16));
  const asked: string[] = [];
  const request: Netlink['request'] = async (_, bytes) => {
    const device = /eth\d/.exec(Buffer.from(bytes).toString('latin1'))?.[0] ?? '';
    asked.push(device);
    return [device === 'eth0' ? pfc(1n, 2n) : unsupported];
  };
  await using collector = await host.collector('netdev_dcb', { ...answering({}), request });
  await collector.scrape();
  await collector.scrape();
  assert.deepEqual(asked, ['eth0', 'eth1', 'eth0']);
});

const noFamily = [message(NLMSG_ERROR, 0, u32(-2), Buffer.alloc(16))];

test('netdev_hw: what a driver tells of its drops counts before rx_missed_errors', async () => {
  using host = new Host({ eth0: 'mlx5_core', eth1: 'virtio_net' });
  const family = message(16, 0, u32(0x0201), attribute(1, u16(20)));
  const drops = (index: number, count: bigint): Uint8Array =>
    message(20, NLM_F_MULTI, u32(0x010c), attribute(1, u32(index)), attribute(13, u64(count)));
  const page = await host.page(
    'netdev_hw',
    answering({
      16: [family],
      20: [drops(3, 17n), DONE],
      18: [device(2, 'eth0', 1), device(3, 'eth1', 0), DONE],
    }),
  );
  assert.deepEqual(
    samplesOf(page, 'huatuo_bamai_netdev_hw_rx_dropped_total').map(({ labels, value }) => [
      labels.device,
      value,
    ]),
    [
      ['eth0', 16],
      ['eth1', 17],
    ],
  );
});

test('netdev_hw: drops of cards whose driver counts them; of others only once there are some', async () => {
  using host = new Host({ eth0: 'mlx5_core', eth1: 'virtio_net', eth2: 'virtio_net', eth3: 'i40e' });
  const page = await host.page(
    'netdev_hw',
    answering({
      16: noFamily,
      18: [
        device(1, 'lo', 1),
        device(2, 'eth0', 1),
        device(3, 'eth1', 0),
        device(4, 'eth2', 2),
        device(5, 'eth3', 0),
        DONE,
      ],
    }),
  );
  assert.deepEqual(
    samplesOf(page, 'huatuo_bamai_netdev_hw_rx_dropped_total').map(({ labels, value }) => [
      labels.device,
      labels.driver,
      value,
    ]),
    [
      ['eth0', 'mlx5_core', 16],
      ['eth2', 'virtio_net', 32],
      ['eth3', 'i40e', 0],
    ],
  );
});

test('netdev_rdma_link: counters of each port, by the names of the driver', async () => {
  using host = new Host({});
  const counter = (name: string, value: bigint): Uint8Array =>
    attribute(81 | 0x8000, attribute(82, text(name)), attribute(83, u64(value)));
  const rdma = [
    attribute(1, u32(3)),
    attribute(2, text('mlx5_0')),
    attribute(3, u32(2)),
    attribute(6, u64(0x506b4b0300fca1b2n)),
  ];
  const page = await host.page(
    'netdev_rdma_link',
    answering({
      [RDMA_GET]: [message(RDMA_GET, NLM_F_MULTI, ...rdma), DONE],
      [RDMA_STAT_GET]: [
        message(
          RDMA_STAT_GET,
          0,
          attribute(80 | 0x8000, counter('np_cnp_sent', 17n), counter('odd name', 1n)),
        ),
      ],
    }),
  );
  const family = page.get('huatuo_bamai_netdev_rdma_link_np_cnp_sent');
  assert.equal(family?.type, 'counter');
  assert.deepEqual(
    family?.samples.map(({ labels: { region, host: _, ...labels }, value }) => ({ ...labels, value })),
    ['1', '2'].map((port) => ({
      device: 'mlx5_0',
      nodeguid: '506b:4b03:00fc:a1b2',
      index: '3',
      num_ports: '2',
      port,
      value: 17,
    })),
  );
  assert.ok(page.has('huatuo_bamai_netdev_rdma_link_odd_name'));
});

test('netdev_rdma_link and netdev_dcb: a kernel without them has no series, which is no failure', async () => {
  using host = new Host({ eth0: 'mlx5_core' });
  const lacking = new HuatuoError('KERNEL_FEATURE_MISSING', { found: 'EPROTONOSUPPORT', remedy: 'none' });
  for (const name of ['netdev_rdma_link', 'netdev_dcb']) {
    const page = await host.page(name, answering({}, lacking));
    assert.deepEqual(
      [...page.keys()].filter((one) => !one.startsWith('huatuo_collector_')),
      [],
    );
  }
});

test('netdev_ethtool: counters that tell of trouble, or those that are asked for', async () => {
  using host = new Host({ eth0: 'mlx5_core' });
  const counters = [
    { name: 'rx_packets', value: 5 },
    { name: 'rx_out_of_buffer', value: 17 },
    { name: '  rx[0].drops', value: 3 },
  ];
  const kernel: Netlink = {
    ...answering({}),
    driverCounters: async (name) => (name === 'eth0' ? counters : undefined),
  };
  const names = async (options: Readonly<Record<string, unknown>>) =>
    [...(await host.page('netdev_ethtool', kernel, options)).keys()]
      .filter((name) => name.startsWith('huatuo_netdev_'))
      .sort();
  assert.deepEqual(await names({}), [
    'huatuo_netdev_ethtool_rx_0__drops_total',
    'huatuo_netdev_ethtool_rx_out_of_buffer_total',
  ]);
  assert.deepEqual(await names({ counter_include: 'rx_packets' }), [
    'huatuo_netdev_ethtool_rx_packets_total',
  ]);
  const page = await host.page('netdev_ethtool', kernel);
  assert.equal(
    sampleValue(page, 'huatuo_netdev_ethtool_rx_out_of_buffer_total', {
      device: 'eth0',
      driver: 'mlx5_core',
    }),
    17,
  );
});
