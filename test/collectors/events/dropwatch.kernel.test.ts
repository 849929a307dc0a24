/** Packets that the kernel really drops, in a network namespace of the test's own, told as what they were. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { Container } from '../../../src/sdk/container.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { datagram, FRAMES, PAYLOAD, segment } from '../../support/frame-samples.ts';
import { ethernet, ipv4, tcp, udp } from '../../support/frames.ts';
import { container } from '../../support/harness-containers.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { countedDrops, type Drop, PacketStage } from '../../support/packet-stage.ts';
import { samplesOf } from '../../support/prometheus-text.ts';
import { record } from '../../support/ring-recording.ts';
import { skipWithoutTcpPair } from '../../support/tcp-pair.ts';

const skip = skipWithoutKernelType('skb_drop_reason') || skipWithoutTcpPair();
const EVERYTHING = { max_events_per_second_per_cpu: 0 };
/** With the classic program that returns TC_ACT_SHOT. */
const DROP_ALL = 'tc filter add dev far ingress bpf da bytecode'.split(' ');

/** What a datagram to this port must look like, wherever it was dropped. */
function assertDatagram({ data, text }: Drop, dport: number): void {
  const { layers } = data;
  assert.ok(layers?.ether && layers.ipv4 && layers.udp, text);
  assert.equal(layers.label, `UDP 192.0.2.1:4321 > 192.0.2.2:${dport}`);
  assert.deepEqual(layers.ether, { saddr: '02:00:00:00:00:01', daddr: '02:00:00:00:00:02', type: 'IPv4' });
  const { checksum: _, ...header } = layers.ipv4;
  assert.deepEqual(header, {
    version: 4,
    ihl: 5,
    tos: 0,
    len: 36,
    id: 0x1234,
    flags: '',
    frag_offset: 0,
    ttl: 63,
    protocol: 'UDP',
    saddr: '192.0.2.1',
    daddr: '192.0.2.2',
  });
  const { sport, dport: to, len } = layers.udp;
  assert.deepEqual([sport, to, len], [4321, dport, 16]);
  assert.ok(!layers.tcp && !layers.ipv6 && !layers.icmp && !layers.arp && !layers.vlan, text);
  assert.equal(data.netdev_name, 'far');
  assert.match(data.packet_skb_addr, /^0x[1-9a-f]/);
  assert.match(data.drop_location, /^[\w.]+\+0x[0-9a-f]+$/);
  assert.ok(data.stack.length > 3, text);
}

test('each packet for a closed port, for a full buffer, with a wrong checksum or against a rule is told with its reason', {
  skip,
}, async () => {
  await using stage = await PacketStage.open();
  await using collector = await CollectorHarness.load('dropwatch', { options: EVERYTHING });
  const before = await countedDrops(collector, 'NO_SOCKET');
  const told: Drop[] = [];
  const one = async (reason: string, count: number): Promise<Drop[]> => {
    const drops = await stage.drops(collector, reason, count);
    assert.equal(drops.length, count);
    told.push(...drops.slice(0, 1));
    return drops;
  };

  await stage.send(datagram(9), 13);
  const closed = await one('NO_SOCKET', 13);
  for (const drop of closed) {
    assertDatagram(drop, 9);
    assert.match(drop.data.drop_location, /^__udp4_lib_rcv\+/);
  }
  assert.ok((await countedDrops(collector, 'NO_SOCKET')) >= before + 13);

  await stage.send(datagram(9, true), 7);
  for (const drop of await one('UDP_CSUM', 7)) assertDatagram(drop, 9);

  // A buffer of the least size holds some of them, and a few more are on their way.
  await stage.ask({ verb: 'listen', port: 5000, rcvbuf: 1 });
  await stage.send(datagram(5000), 101);
  const full = await stage.drops(collector, 'SOCKET_RCVBUFF', 90);
  assert.ok(full.length < 101);
  for (const drop of full) {
    assertDatagram(drop, 5000);
    assert.equal(drop.data.sk_state, 'CLOSE');
  }
  told.push(...full.slice(0, 1));

  await stage.send(segment(80, true), 5);
  for (const { data, text } of await one('TCP_CSUM', 5)) {
    assert.equal(data.layers?.label, 'TCP 192.0.2.1:4321 > 192.0.2.2:80 S', text);
    assert.equal(data.layers?.tcp?.seq, 0x8000_0001);
  }

  await stage.send(ethernet(0x0800, ipv4({ protocol: 17, badChecksum: true }, udp(1, 2, PAYLOAD))), 3);
  await one('IP_CSUM', 3);

  await stage.run('tc', 'qdisc', 'add', 'dev', 'far', 'clsact');
  await stage.run(...DROP_ALL, '1,6 0 0 2');
  await stage.send(datagram(9), 11);
  for (const drop of await one('TC_INGRESS', 11)) assertDatagram(drop, 9);
  assert.equal(told.length, 6);
});

test('headers of every kind are read, and only those that are there', { skip }, async () => {
  await using stage = await PacketStage.open();
  await stage.run('tc', 'qdisc', 'add', 'dev', 'far', 'clsact');
  await stage.run(...DROP_ALL, '1,6 0 0 2');
  await using collector = await CollectorHarness.load('dropwatch', {
    options: { ...EVERYTHING, filter: 'ether src 02:00:00:00:00:01' },
  });
  const seen = Object.entries(FRAMES);
  for (const [, frame] of seen) await stage.send(frame);
  await eventually('all of them', () => collector.records().length >= seen.length);
  record('dropwatch', collector.records());
  await collector.recordMaps();
  const drops = await stage.drops(collector, 'TC_INGRESS', seen.length);
  assert.deepEqual(
    drops.map(({ data }) => data.layers?.label),
    seen.map(([label]) => label),
  );
});

test('the owner is that of the socket that should have got the packet, whatever task was interrupted', {
  skip: skip || skipWithoutController('memory'),
}, async () => {
  await using cgroup = TestCgroup.make('memory', `/huatuo-dropwatch-${process.pid}`);
  const owner = container('server', { memory: cgroup.path }, [cgroup.inode]);
  await using stage = await PacketStage.open();
  cgroup.add(stage.pid);
  await using collector = await CollectorHarness.load('dropwatch', {
    options: EVERYTHING,
    containers: [owner],
  });
  await stage.ask({ verb: 'serve', port: 8080 });
  // A listener has no use for an acknowledgement.
  const acknowledgement = tcp(4321, 8080, { flags: 0x10, ack: 7 });
  await stage.send(ethernet(0x0800, ipv4({ protocol: 6 }, acknowledgement)), 3);
  const drops = await stage.drops(collector, 'TCP_FLAGS', 3);
  assert.equal(drops.length, 3);
  for (const { fields, data, text } of drops) {
    assert.equal(fields.container_id, owner.id, text);
    assert.deepEqual(
      [data.pid, data.sk_state, data.cgroup_id],
      [stage.pid, 'LISTEN', Number(cgroup.inode)],
      text,
    );
    assert.equal(data.layers?.label, 'TCP 192.0.2.1:4321 > 192.0.2.2:8080 .');
  }
});

test('a packet for no socket is that of the container whose network namespace it is in, its pod’s where it is several’s', {
  skip,
}, async () => {
  await using stage = await PacketStage.open();
  const inPod = (id: string): Container => ({
    ...container(id, {}),
    podName: 'web-0',
    hostNamespace: 'shop',
    netnsInode: stage.netns,
  });
  await using collector = await CollectorHarness.load('dropwatch', {
    options: EVERYTHING,
    containers: [inPod('one')],
  });
  await stage.send(datagram(9), 3);
  for (const { fields, text } of await stage.drops(collector, 'NO_SOCKET', 3))
    assert.deepEqual([fields.container_id, fields.pod_name], ['one', 'web-0'], text);

  await using others = await CollectorHarness.load('dropwatch', {
    options: EVERYTHING,
    containers: [inPod('one'), inPod('two')],
  });
  await stage.send(datagram(9), 3);
  for (const { fields, text } of await stage.drops(others, 'NO_SOCKET', 3))
    assert.deepEqual(
      [fields.container_id, fields.pod_name, fields.container_host_namespace],
      [undefined, 'web-0', 'shop'],
      text,
    );
});

test('what a rule of nftables drops', {
  skip: skip || (spawnSync('nft', ['--version']).error ? 'this host has no nft' : false),
}, async () => {
  await using stage = await PacketStage.open();
  await stage.run(
    'nft',
    'add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c udp dport 9 drop',
  );
  await using collector = await CollectorHarness.load('dropwatch', { options: EVERYTHING });
  await stage.send(datagram(9), 17);
  const drops = await stage.drops(collector, 'NETFILTER_DROP', 17);
  assert.equal(drops.length, 17);
  for (const drop of drops) assertDatagram(drop, 9);
});

test('suppressed reasons and what is over the budget are counted, and not told', { skip }, async () => {
  await using stage = await PacketStage.open();
  await using collector = await CollectorHarness.load('dropwatch', {
    options: { suppress: ['NO_SOCKET', 'IP_INADDRERRORS'], max_events_per_second_per_cpu: 2 },
  });
  const before = await countedDrops(collector, 'NO_SOCKET');
  await stage.send(datagram(9), 19);
  await stage.send(datagram(9, true), 23);
  const told = await stage.drops(collector, 'UDP_CSUM', 1);
  assert.ok(told.length < 23, `${told.length} documents`);
  assert.equal((await stage.drops(collector, 'NO_SOCKET', 0)).length, 0);
  assert.ok((await countedDrops(collector, 'NO_SOCKET')) >= before + 19);
  assert.ok((await countedDrops(collector, 'UDP_CSUM')) >= 23);
});

for (const { kernel, without } of [
  { kernel: 'this kernel', without: [] },
  { kernel: 'Linux before 5.12', without: ['packet_dropped___machine_on_stack'] },
])
  test(`a filter lets pass in the kernel what tcpdump would show, as on ${kernel}`, { skip }, async () => {
    await using stage = await PacketStage.open();
    await using collector = await CollectorHarness.load('dropwatch', {
      options: { ...EVERYTHING, filter: 'tcp dst port 80 or (udp and ip[8] = 63 and udp[8:4] = 0x7061796c)' },
      without,
    });
    const other = ethernet(0x0800, ipv4({ protocol: 17 }, udp(1, 9, Buffer.from('elsewhere!'))));
    await stage.send(segment(80, true), 5);
    await stage.send(segment(81, true), 7);
    await stage.send(other, 11);
    await stage.send(datagram(9), 13);
    const udpDrops = await stage.drops(collector, 'NO_SOCKET', 13);
    assert.equal(udpDrops.length, 13);
    const segments = await stage.drops(collector, 'TCP_CSUM', 5);
    assert.deepEqual(new Set(segments.map(({ data }) => data.layers?.tcp?.dport)), new Set([80]));
    assert.equal(segments.length, 5);
    const [left] = samplesOf(await collector.scrape(), 'huatuo_dropwatch_filtered_total', {});
    assert.ok(Number(left?.value) >= 7 + 11);
  });

test('a filter that is none is refused with what libpcap says of it', { skip }, async () => {
  await assert.rejects(CollectorHarness.load('dropwatch', { options: { filter: 'tcp and prt 80' } }), {
    code: 'COLLECTOR_INVALID',
    message: /a filter as tcpdump takes it in place of 'tcp and prt 80', found syntax error/,
  });
});
