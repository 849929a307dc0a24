/**
 * Network collectors against other witnesses: a known number of packets between two namespaces, `tc -s`, `ss`, `ip neigh`. The
 * namespace of this process stands for the host, that of a child for a container.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readlinkSync, symlinkSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { NETLINK_REQUESTS } from '../../../src/kernel/netlink-requests.ts';
import { parseNamespaceLink } from '../../../src/procfs/init-process.ts';
import type { Container } from '../../../src/sdk/container.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { inOwnNetwork, ip } from '../../support/own-network.ts';
import { type PageFamily, sampleValue } from '../../support/prometheus-text.ts';

const PACKETS = 1009;
const HOST = '10.77.0.1';
const CONTAINER = '10.77.0.2';
const NETDEV = 'huatuo_bamai_netdev';

type Page = ReadonlyMap<string, PageFamily>;

const run = promisify(execFile);
const sh = (command: string): string => execFileSync('sh', ['-c', command], { encoding: 'utf8' });

inOwnNetwork(import.meta.url, () => {
  const proc = new FixtureProc();
  const child = spawn('unshare', ['--net', 'sleep', '300'], { stdio: 'ignore' });
  let web: Container;

  before(async () => {
    const inside = (command: string): string => sh(`nsenter -t ${child.pid} -n ${command}`);
    const own = readlinkSync('/proc/self/ns/net');
    const netns = await eventually('a namespace for the container', () => {
      const link = readlinkSync(`/proc/${child.pid}/ns/net`);
      return link !== own && link;
    });
    symlinkSync('/proc/self', join(proc.directory, '1'));
    symlinkSync(`/proc/${child.pid}`, join(proc.directory, String(child.pid)));
    const netnsInode = parseNamespaceLink(netns);
    assert.ok(netnsInode !== undefined && child.pid !== undefined);
    web = { ...container('web', {}), initPid: child.pid, netnsInode };

    // No packets but ours: no IPv6, no ARP.
    ip('link add h0 address 02:00:00:00:00:01 type veth peer name c0 address 02:00:00:00:00:02');
    ip(`link set c0 netns ${child.pid}`);
    ip('link set h0 addrgenmode none');
    inside('ip link set c0 addrgenmode none');
    ip(`addr add ${HOST}/24 dev h0`);
    ip('link set h0 up');
    inside(`ip addr add ${CONTAINER}/24 dev c0`);
    inside('ip link set c0 up');
    ip(`neigh add ${CONTAINER} lladdr 02:00:00:00:00:02 dev h0`);
    inside(`ip neigh add ${HOST} lladdr 02:00:00:00:00:01 dev c0`);
  });

  after(() => {
    child.kill();
    proc[Symbol.dispose]();
  });

  const load = (name: string): Promise<CollectorHarness> =>
    CollectorHarness.load(name, { paths: { ...HOST_PATHS, procfs: proc.directory }, containers: [web] });

  const scrape = async (name: string): Promise<Page> => {
    await using collector = await load(name);
    return await collector.scrape();
  };

  /** Sent by the container to a socket of this process, which reads what it gets until it is closed. */
  const send = async (): Promise<Disposable> => {
    const socket = createSocket('udp4').bind(0, HOST);
    await once(socket, 'listening');
    socket.on('message', () => undefined);
    const { port } = socket.address();
    const script = `for i in $(seq ${PACKETS}); do echo x > /dev/udp/${HOST}/${port}; done`;
    await run('nsenter', ['-t', String(child.pid), '-n', 'bash', '-c', script]);
    return { [Symbol.dispose]: () => void socket.close() };
  };

  const rise = (before: Page, now: Page, name: string, labels = {}): number =>
    sampleValue(now, name, labels) - sampleValue(before, name, labels);

  test('so many packets were sent: devices and protocols of both sides have counted them', async () => {
    const [devices, protocols] = [await scrape('netdev'), await scrape('netstat')];
    using _ = await send();
    const udp = (now: Page, key: string) => rise(protocols, now, `huatuo_bamai_netstat_${key}`);
    // A datagram counts as received when it is read.
    const protocolsNow = await eventually('all of them to be read, or not to fit the buffer', async () => {
      const now = await scrape('netstat');
      return udp(now, 'Udp_InDatagrams') + udp(now, 'Udp_RcvbufErrors') >= PACKETS && now;
    });
    assert.equal(udp(protocolsNow, 'Udp_InDatagrams') + udp(protocolsNow, 'Udp_RcvbufErrors'), PACKETS);
    assert.equal(udp(protocolsNow, 'container_Udp_OutDatagrams'), PACKETS);
    assert.equal(udp(protocolsNow, 'container_Udp_InDatagrams'), 0);

    const devicesNow = await scrape('netdev');
    const host = { device: 'h0' };
    assert.equal(rise(devices, devicesNow, `${NETDEV}_receive_packets_total`, host), PACKETS);
    // Ethernet, IP and UDP headers, and two bytes.
    assert.equal(rise(devices, devicesNow, `${NETDEV}_receive_bytes_total`, host), PACKETS * 44);
    const inside = { device: 'c0', container_id: 'web' };
    assert.equal(rise(devices, devicesNow, `${NETDEV}_container_transmit_packets_total`, inside), PACKETS);
  });

  test('a segment that is sent again is counted, with no program in the kernel', async () => {
    // A neighbour that nothing answers for: the container drops what is for another host.
    ip('neigh add 10.77.0.3 lladdr 02:00:00:00:00:03 dev h0');
    const before = await scrape('netstat');
    const socket = createConnection(9, '10.77.0.3');
    socket.on('error', () => undefined);
    try {
      const [now, again] = await eventually('a retransmission that ss has seen, too', async () => {
        const page = await scrape('netstat');
        const [, count = 0] = /timer:\(on,[^,]*,(\d+)\)/.exec(sh('ss -tnoH state syn-sent')) ?? [];
        return Number(count) > 0 && ([page, Number(count)] as const);
      });
      const sentAgain = rise(before, now, 'huatuo_bamai_netstat_Tcp_RetransSegs');
      // ss may have looked after the next one.
      assert.ok(sentAgain === again || sentAgain === again - 1, `${sentAgain} ${again}`);
    } finally {
      socket.destroy();
    }
  });

  test('the link is up, its queue and carrier are told', async () => {
    const page = await scrape('netdev');
    const value = (name: string) => sampleValue(page, `huatuo_netdev_${name}`, { device: 'h0' });
    assert.deepEqual([value('up'), value('carrier'), value('mtu_bytes')], [1, 1, 1500]);
    assert.equal(value('transmit_queue_length'), 1000);
  });

  test('what a qdisc has dropped is what tc says', async () => {
    sh('tc qdisc add dev h0 root tbf rate 8kbit burst 1600 limit 2000');
    const socket = createSocket('udp4');
    for (let sent = 0; sent < 20; sent++)
      await new Promise<void>((resolve) => socket.send(Buffer.alloc(1000), 9, CONTAINER, () => resolve()));
    socket.close();
    // The bucket goes on sending: both must have read the same moment.
    const [page, told] = await eventually('one moment that both have seen', async () => {
      const ask = () => JSON.parse(sh('tc -s -j qdisc show dev h0')) as [Readonly<Record<string, unknown>>];
      const [before, seen, now] = [ask(), await scrape('netdev_qdisc'), ask()];
      return JSON.stringify(before) === JSON.stringify(now) && ([seen, now[0]] as const);
    });
    const value = (name: string) =>
      sampleValue(page, `huatuo_bamai_netdev_qdisc_${name}`, { device: 'h0', kind: 'tbf' });
    assert.ok(value('drops_total') > 0);
    assert.deepEqual(
      ['bytes_total', 'packets_total', 'drops_total', 'overlimits_total', 'requeues_total'].map(value),
      [told.bytes, told.packets, told.drops, told.overlimits, told.requeues],
    );
    assert.deepEqual([value('backlog'), value('current_queue_length')], [told.backlog, told.qlen]);
  });

  test('sockets are those of ss, neighbours those of ip', async () => {
    const server = createServer().listen(0, HOST);
    await once(server, 'listening');
    const page = await scrape('sockstat');
    assert.equal(sampleValue(page, 'huatuo_bamai_sockstat_TCP_inuse'), Number(sh('ss -4 -t -l -H | wc -l')));
    assert.equal(sampleValue(page, 'huatuo_bamai_sockstat_container_TCP_inuse'), 0);
    server.close();

    const arp = await scrape('arp');
    assert.equal(
      sampleValue(arp, 'huatuo_bamai_arp_entries'),
      Number(sh('ip -4 neigh show nud all dev h0 | wc -l')),
    );
    assert.equal(sampleValue(arp, 'huatuo_bamai_arp_container_entries', { container_id: 'web' }), 1);
    const permanent = { family: 'ipv4', state: 'permanent' };
    assert.equal(
      sampleValue(arp, 'huatuo_neighbour_entries', permanent),
      Number(sh('ip -4 neigh show nud permanent | wc -l')),
    );
  });

  test('a driver tells its counters by ioctl', async () => {
    const counters = await NETLINK_REQUESTS.driverCounters('h0');
    const peer = counters?.find(({ name }) => name === 'peer_ifindex');
    const [link] = JSON.parse(sh('ip -j link show h0')) as [{ readonly link_index: number }];
    assert.equal(peer?.value, link.link_index);
    assert.equal(await NETLINK_REQUESTS.driverCounters('lo'), undefined);
    assert.equal(await NETLINK_REQUESTS.driverCounters('gone'), undefined);
  });

  test('a kernel without RDMA or PFC has no series of them', async () => {
    for (const name of ['netdev_rdma_link', 'netdev_dcb']) {
      const families = [...(await scrape(name)).keys()];
      assert.deepEqual(
        families.filter((family) => family.startsWith(`huatuo_bamai_${name}_`)),
        [],
      );
    }
  });
});
