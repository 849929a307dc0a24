/** Filters of tcpdump's in the kernel, against libpcap's own interpreter: the same frames pass. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { compilePacketFilter } from '../../src/kernel/packet-filter.ts';
import { CollectorHarness } from '../support/collector-harness.ts';
import { FRAMES } from '../support/frame-samples.ts';
import { skipWithoutKernelType } from '../support/kernel.ts';
import { PacketStage } from '../support/packet-stage.ts';
import { libpcapPasses } from '../support/pcap-oracle.ts';
import { skipWithoutTcpPair } from '../support/tcp-pair.ts';

const skip = skipWithoutKernelType('skb_drop_reason') || skipWithoutTcpPair() || (await lacksLibpcap());

async function lacksLibpcap(): Promise<string | false> {
  return compilePacketFilter('tcp').then(
    () => false,
    (error: Error) => error.message,
  );
}

/** Each kind of instruction: loads of all sizes, by place and by index, arithmetic, memory, jumps of all kinds. */
const EXPRESSIONS = [
  'tcp',
  'not tcp',
  'udp and port 53',
  'tcp port 443 or icmp',
  'ip6',
  'ip6 proto 6',
  'ip6 protochain 6',
  'arp and host 192.0.2.9',
  'vlan 100 and tcp',
  'vlan and vlan 20',
  'ether proto 0x88cc',
  'ether host 02:00:00:00:00:02',
  'host 192.0.2.1',
  'net 2001:db8::/32',
  'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
  'ip[0] & 0xf > 5',
  'ip[6:2] & 0x1fff != 0',
  'icmp[icmptype] = icmp-echo',
  'icmp6 and ip6[40] = 129',
  'udp[8:4] = 0x7061796c',
  'ip[2:2] * 3 - 7 >= 101',
  '10 / ip[1] = 0 or arp',
  'ip[8] / 2 = 31 and ip[8] % 10 = 3',
  '(ip[9] << 2) | 1 = 69',
  'len <= 60',
  'greater 60',
  'ip[100] = 0',
  'portrange 1-9',
  '(tcp dst port 443 or udp dst port 53) and src net 192.0.2.0/24',
];

describe('the kernel lets pass what libpcap lets pass', { skip }, () => {
  let stage: PacketStage;
  let collector: CollectorHarness;
  before(async () => {
    stage = await PacketStage.open();
    await stage.run('tc', 'qdisc', 'add', 'dev', 'far', 'clsact');
    await stage.run(...'tc filter add dev far ingress bpf da bytecode'.split(' '), '1,6 0 0 2');
    collector = await CollectorHarness.load('dropwatch', { options: { max_events_per_second_per_cpu: 0 } });
  });
  after(async () => {
    await collector[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
  });

  for (const expression of EXPRESSIONS) {
    test(expression, async () => {
      const program = await compilePacketFilter(expression);
      const frames = Object.entries(FRAMES);
      const expected = frames.filter(([, frame]) => libpcapPasses(program, frame)).map(([label]) => label);
      const { ctx } = collector;
      const map = (await ctx.bpf.load()).map('packet_filter');
      await map.set(0, await ctx.bpf.packetFilter(expression));
      for (const [, frame] of frames) await stage.send(frame);
      // Behind the others comes one that passes whatever the filter is, when that is empty again.
      await map.set(0, await ctx.bpf.packetFilter(''));
      await stage.send(FRAMES['0x88cc'] ?? assert.fail());
      const drops = await stage.drops(collector, 'TC_INGRESS', expected.length + 1);
      assert.deepEqual(
        drops.map(({ data }) => data.layers?.label),
        [...expected, '0x88cc'],
      );
    });
  }
});
