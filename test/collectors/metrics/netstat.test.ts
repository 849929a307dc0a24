/** netstat over a host that the test makes up, and over this one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { hostNetworkContainer, hostNetworkFiles, networkContainer } from '../../support/fixture-network.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const files = (retransmitted: number) => ({
  snmp: `Ip: Forwarding InReceives\nIp: 1 9\nTcp: MaxConn CurrEstab RetransSegs\nTcp: -1 7 ${retransmitted}\nUdp: RcvbufErrors\nUdp: 4\n`,
  netstat: 'TcpExt: ListenDrops TCPLostRetransmit\nTcpExt: 3 2\nMPTcpExt: MPCurrEstab\nMPTcpExt: 1\n',
  snmp6: 'Ip6InReceives \t71\nUdp6RcvbufErrors\t5\n',
});

test('counters are counters and levels are gauges, of host and containers', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, files(784));
  await using netstat = await CollectorHarness.load('netstat', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    containers: [
      networkContainer(proc, 'web', { initPid: 100, netnsInode: 7 }, files(31)),
      networkContainer(proc, 'sidecar', { initPid: 200, netnsInode: 7 }, files(31)),
      hostNetworkContainer(proc, 'on-host', 300),
    ],
  });
  const page = await netstat.scrape();
  const host = (key: string) => `huatuo_bamai_netstat_${key}`;
  assert.equal(sampleValue(page, host('Tcp_RetransSegs')), 784);
  assert.equal(page.get(host('Tcp_RetransSegs'))?.type, 'counter');
  assert.equal(sampleValue(page, host('Tcp_MaxConn')), -1);
  for (const level of ['Tcp_MaxConn', 'Tcp_CurrEstab', 'Ip_Forwarding', 'MPTcpExt_MPCurrEstab'])
    assert.equal(page.get(host(level))?.type, 'gauge', level);
  assert.equal(sampleValue(page, host('TcpExt_TCPLostRetransmit')), 2);
  assert.equal(sampleValue(page, host('Ip6_InReceives')), 71);
  assert.equal(sampleValue(page, host('Udp6_RcvbufErrors')), 5);

  const container = (key: string) =>
    Object.fromEntries(
      samplesOf(page, `huatuo_bamai_netstat_container_${key}`).map(({ labels, value }) => [
        labels.container_id,
        value,
      ]),
    );
  assert.deepEqual(container('Tcp_RetransSegs'), { web: 31, sidecar: 31 });
  assert.deepEqual(container('Udp_RcvbufErrors'), { web: 4, sidecar: 4 });
  assert.equal(page.get('huatuo_bamai_netstat_container_Tcp_CurrEstab')?.type, 'gauge');
  // By default a container has what existing dashboards show, and UDP.
  assert.equal(page.get('huatuo_bamai_netstat_container_Ip_InReceives'), undefined);
});

test('patterns choose counters', async () => {
  using proc = new FixtureProc();
  hostNetworkFiles(proc, files(1));
  await using netstat = await CollectorHarness.load('netstat', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    options: {
      include: 'Tcp_.*|Udp_.*',
      exclude: 'Tcp_M.*',
      container_include: '',
      container_exclude: 'Tcp.*',
    },
    containers: [networkContainer(proc, 'web', { initPid: 100, netnsInode: 7 }, files(31))],
  });
  const names = [...(await netstat.scrape()).keys()].filter((name) => name.startsWith('huatuo_bamai_'));
  assert.deepEqual(names.map((name) => name.replace('huatuo_bamai_netstat_', '')).sort(), [
    'Tcp_CurrEstab',
    'Tcp_RetransSegs',
    'Udp_RcvbufErrors',
    'container_Ip6_InReceives',
    'container_Ip_Forwarding',
    'container_Ip_InReceives',
    'container_MPTcpExt_MPCurrEstab',
    'container_Udp6_RcvbufErrors',
    'container_Udp_RcvbufErrors',
  ]);
});

test('a kernel without IPv6 has no series of it', async () => {
  using proc = new FixtureProc();
  const { snmp } = files(1);
  hostNetworkFiles(proc, { snmp });
  await using netstat = await CollectorHarness.load('netstat', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
  });
  const page = await netstat.scrape();
  assert.equal(sampleValue(page, 'huatuo_bamai_netstat_Udp_RcvbufErrors'), 4);
  assert.ok(![...page.keys()].some((name) => name.includes('6_')));
});

test('this host tells of retransmissions and drops without any program in the kernel', async () => {
  await using netstat = await CollectorHarness.load('netstat');
  const page = await netstat.scrape();
  for (const key of [
    'Tcp_RetransSegs',
    'TcpExt_TCPLostRetransmit',
    'TcpExt_ListenDrops',
    'TcpExt_TCPBacklogDrop',
    'Ip_InDiscards',
    'Udp_RcvbufErrors',
  ])
    assert.ok(sampleValue(page, `huatuo_bamai_netstat_${key}`) >= 0, key);
});
