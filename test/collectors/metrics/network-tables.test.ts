/** sockstat, tcp_memory, arp, conntrack, softnet and udp_queues over a host that the test makes up. */
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Container } from '../../../src/sdk/container.ts';
import { answering } from '../../netlink/answering.ts';
import { message, NLM_F_MULTI, NLMSG_DONE, u8, u16, u32 } from '../../netlink/bytes.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { hostNetworkFiles, networkContainer } from '../../support/fixture-network.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const load = (
  name: string,
  proc: FixtureProc,
  containers: readonly Container[] = [],
): Promise<CollectorHarness> =>
  CollectorHarness.load(name, { paths: { ...HOST_PATHS, procfs: proc.directory }, containers });

const names = (page: ReadonlyMap<string, PageFamily>): string[] =>
  [...page.keys()].filter((name) => !name.startsWith('huatuo_collector_'));

const sockstat = (tcp: number): string =>
  `sockets: used ${tcp + 20}\nTCP: inuse ${tcp} orphan 2 tw 3 alloc 4 mem 101\nUDP: inuse 1 mem 5\nFRAG: inuse 0 memory 8192\n`;

test('sockstat: sockets of host and containers; what the kernel counts for the host is no container’s', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { sockstat: sockstat(10), sockstat6: 'TCP6: inuse 6\n' });
  await using collector = await load('sockstat', proc, [
    networkContainer(proc, 'web', { initPid: 100, netnsInode: 7 }, { sockstat: sockstat(3) }),
  ]);
  const page = await collector.scrape();
  const value = (key: string) => sampleValue(page, `huatuo_bamai_sockstat_${key}`);
  assert.equal(value('sockets_used'), 30);
  assert.equal(value('TCP_inuse'), 10);
  assert.equal(value('TCP_mem'), 101);
  assert.equal(value('TCP_mem_bytes'), 101 * 4096);
  assert.equal(value('UDP_mem_bytes'), 5 * 4096);
  assert.equal(value('FRAG_memory'), 8192);
  assert.equal(value('TCP6_inuse'), 6);
  assert.equal(value('container_TCP_inuse'), 3);
  assert.equal(value('container_TCP_tw'), 3);
  assert.equal(value('container_FRAG_memory'), 8192);
  for (const key of ['TCP_orphan', 'TCP_alloc', 'TCP_mem', 'UDP_mem', 'TCP_mem_bytes'])
    assert.equal(page.get(`huatuo_bamai_sockstat_container_${key}`), undefined, key);
});

test('tcp_memory: use, pressure and limit', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { sockstat: sockstat(10) });
  proc.write('sys/net/ipv4/tcp_mem', '100\t200\t404\n');
  await using collector = await load('tcp_memory', proc);
  const page = await collector.scrape();
  const value = (key: string) => sampleValue(page, `huatuo_bamai_tcp_memory_${key}`);
  assert.equal(value('usage_pages'), 101);
  assert.equal(value('usage_bytes'), 101 * 4096);
  assert.equal(value('limit_pages'), 404);
  assert.equal(value('usage_percent'), 0.25);
  assert.equal(sampleValue(page, 'huatuo_tcp_memory_pressure_bytes'), 200 * 4096);
  assert.equal(sampleValue(page, 'huatuo_tcp_memory_limit_bytes'), 404 * 4096);
});

test('tcp_memory: without the bounds there is the use alone', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { sockstat: sockstat(10) });
  await using collector = await load('tcp_memory', proc);
  assert.deepEqual(names(await collector.scrape()), [
    'huatuo_bamai_tcp_memory_usage_bytes',
    'huatuo_bamai_tcp_memory_usage_pages',
  ]);
});

const arp = (...devices: readonly string[]): string =>
  `IP address HW type Flags HW address Mask Device\n${devices.map((device) => `192.0.2.1 0x1 0x2 02:fc:00:00:00:05 * ${device}\n`).join('')}`;
const TABLE = `entries  allocs res_failed table_fulls
0000002a 00000001 00000003 00000001
0000002a 00000001 00000004 00000000
`;

test('arp: entries of the host, of all namespaces, of a container; IPv6; and overflows', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, {
    arp: arp('eth0', 'eth0', 'cni0'),
    'stat/arp_cache': TABLE,
    'stat/ndisc_cache': TABLE.replaceAll('2a', '05'),
  });
  proc.write('sys/net/ipv4/neigh/default/gc_thresh3', '1024\n');
  await using collector = await load('arp', proc, [
    networkContainer(proc, 'web', { initPid: 100, netnsInode: 7 }, { arp: arp('eth0') }),
  ]);
  const page = await collector.scrape();
  assert.equal(sampleValue(page, 'huatuo_bamai_arp_entries'), 3);
  assert.equal(sampleValue(page, 'huatuo_bamai_arp_total'), 42);
  assert.equal(sampleValue(page, 'huatuo_bamai_arp_container_entries', { container_id: 'web' }), 1);
  assert.equal(sampleValue(page, 'huatuo_arp_device_entries', { device: 'cni0' }), 1);
  assert.equal(sampleValue(page, 'huatuo_neighbour_table_entries', { family: 'ipv6' }), 5);
  assert.equal(sampleValue(page, 'huatuo_neighbour_table_overflows_total', { family: 'ipv4' }), 1);
  assert.equal(sampleValue(page, 'huatuo_neighbour_failed_resolutions_total', { family: 'ipv4' }), 7);
  assert.equal(sampleValue(page, 'huatuo_neighbour_table_limit', { family: 'ipv4' }), 1024);
  assert.equal(samplesOf(page, 'huatuo_neighbour_table_limit').length, 1);
  assert.equal(page.get('huatuo_neighbour_entries'), undefined, 'the agent is in another network');
});

test('arp: states of neighbours by rtnetlink', async () => {
  using proc = new FixtureProc();
  symlinkSync('/proc/self', join(proc.directory, '1'));
  const stale = message(28, NLM_F_MULTI, u8(10), Buffer.alloc(7), u16(4), u16(0));
  await using collector = await CollectorHarness.load('arp', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    netlink: answering({ 30: [stale, message(NLMSG_DONE, NLM_F_MULTI, u32(0))] }),
  });
  const page = await collector.scrape();
  assert.equal(sampleValue(page, 'huatuo_neighbour_entries', { family: 'ipv6', state: 'stale' }), 1);
});

test('arp: one that cannot be read costs its own series', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { arp: arp('eth0') });
  await using collector = await load('arp', proc, [
    networkContainer(proc, 'odd', { initPid: 100, netnsInode: 7 }, { 'arp/x': '' }),
    networkContainer(proc, 'good', { initPid: 200, netnsInode: 8 }, { arp: arp('eth0') }),
  ]);
  const page = await collector.scrape();
  assert.equal(sampleValue(page, 'huatuo_bamai_arp_entries'), 1);
  assert.deepEqual(
    samplesOf(page, 'huatuo_bamai_arp_container_entries').map(({ labels }) => labels.container_id),
    ['good'],
  );
});

const CONNTRACK = `entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
00000009  00000001 00000002 00000000 00000003 00000000 00000000 00000004 00000005 00000006 00000007 00000008 00000000  00000000 00000000 00000000 00000000
00000009  00000001 00000002 00000000 00000003 00000000 00000000 00000004 00000005 00000006 00000007 00000008 00000000  00000000 00000000 00000000 00000000
`;

test('conntrack: entries, limit and what did not fit', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, { 'stat/nf_conntrack': CONNTRACK });
  proc.write('sys/net/netfilter/nf_conntrack_max', '262144\n');
  await using collector = await load('conntrack', proc, [
    networkContainer(proc, 'nat', { initPid: 100, netnsInode: 7 }, { 'stat/nf_conntrack': CONNTRACK }),
  ]);
  const page = await collector.scrape();
  assert.equal(sampleValue(page, 'huatuo_conntrack_entries'), 9);
  assert.equal(sampleValue(page, 'huatuo_conntrack_limit'), 262144);
  assert.equal(sampleValue(page, 'huatuo_conntrack_insert_failed_total'), 12);
  assert.equal(sampleValue(page, 'huatuo_conntrack_chaintoolong_total'), 8);
  assert.equal(
    page.get('huatuo_conntrack_new_total'),
    undefined,
    'the kernel prints 0 and does not count it',
  );
  assert.equal(sampleValue(page, 'huatuo_conntrack_container_entries'), 9);
  assert.equal(sampleValue(page, 'huatuo_conntrack_container_drop_total'), 14);
});

test('conntrack: a kernel that tracks nothing has no series', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, {});
  await using collector = await load('conntrack', proc);
  assert.deepEqual(names(await collector.scrape()), []);
});

test('softnet: each CPU by its number', async () => {
  using proc = new FixtureProc();
  const row = (cpu: number): string =>
    `0000000b 00000001 00000002 ${Array(6).fill('00000000').join(' ')} 00000003 00000004 00000005 0000000${cpu} 00000000 00000000\n`;
  hostNetworkFiles(proc, { softnet_stat: row(0) + row(3) });
  await using collector = await load('softnet', proc);
  const page = await collector.scrape();
  assert.deepEqual(
    samplesOf(page, 'huatuo_softnet_processed_total').map(({ labels, value }) => [labels.cpu, value]),
    [
      ['0', 11],
      ['3', 11],
    ],
  );
  const value = (name: string) => sampleValue(page, `huatuo_softnet_${name}`, { cpu: '3' });
  assert.deepEqual(
    [value('dropped_total'), value('times_squeezed_total'), value('received_rps_total')],
    [1, 2, 3],
  );
  assert.deepEqual([value('flow_limited_total'), value('backlog_packets')], [4, 5]);
});

test('udp_queues: sums over sockets', async () => {
  using proc = new FixtureProc();
  const socket = '  335: 0100007F:0035 00000000:0000 07 00000100:00000300 00:00000000 00000000 0 0 1 2 0 7\n';
  hostNetworkFiles(proc, { udp: `sl\n${socket}${socket}` });
  await using collector = await load('udp_queues', proc);
  const page = await collector.scrape();
  assert.equal(sampleValue(page, 'huatuo_udp_queue_bytes', { queue: 'rx', ip: 'v4' }), 0x600);
  assert.equal(sampleValue(page, 'huatuo_udp_queue_bytes', { queue: 'tx', ip: 'v4' }), 0x200);
  assert.deepEqual(
    samplesOf(page, 'huatuo_udp_sockets').map(({ labels, value }) => [labels.ip, value]),
    [['v4', 2]],
  );
});
