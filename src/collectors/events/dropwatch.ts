/** Dropped packets: documents come from bpf/dropwatch.bpf.c; here are the names of reasons, which differ from kernel to kernel. */
import { dropwatch } from '../../generated/dropwatch.ts';
import { type Collector, counter, defineEvent, kernelName, list, packetFilter } from '../../sdk/index.ts';

/** As in bpf/dropwatch.bpf.c. */
const REASONS = 'skb_drop_reason mac80211:___mac80211_drop_reason openvswitch:ovs_drop_reason';

/**
 * Reasons of no loss (include/net/dropreason-core.h). Data that TCP has already, or keeps elsewhere: TCP_OLD_DATA, TCP_OFOMERGE,
 * TCP_OLD_ACK. Segments that have done their work: TCP_RESET, TCP_FASTOPEN. What was meant for others, or was not asked for:
 * OTHERHOST, IPV6DISABLED, SOCKET_FILTER. Queues of sockets and devices that go: QUEUE_PURGE, UNIX_DISCONNECT, UNIX_SKIP_OOB.
 */
const BENIGN = [
  'OTHERHOST',
  'TCP_OLD_DATA',
  'TCP_OFOMERGE',
  'TCP_OLD_ACK',
  'TCP_RESET',
  'TCP_FASTOPEN',
  'IPV6DISABLED',
  'SOCKET_FILTER',
  'QUEUE_PURGE',
  'UNIX_DISCONNECT',
  'UNIX_SKIP_OOB',
];

const collector: Collector = defineEvent({
  object: dropwatch,
  doc: 'Shows packets that the kernel throws away: why, where, and whose they were.',
  enabledByDefault: false,
  options: {
    filter: packetFilter('Packets to tell of, as tcpdump takes it: tcp port 80; empty is all. Needs libpcap'),
    suppress: list(kernelName(REASONS), 'Reasons that are counted and not told, by the names of the kernel', {
      default: BENIGN,
      max: 256,
    }),
  },
  metrics: {
    drops: counter({
      name: 'huatuo_dropwatch_drops_total',
      help: 'Packets the kernel has thrown away, in all network namespaces, whether there is a document or not.',
      labels: ['reason'],
    }),
  },
  async prepare(object, { bpf, options, log }) {
    await object.map('packet_filter').set(0, await bpf.packetFilter(options.filter));
    const numbers = new Map(
      Object.entries(await bpf.kernelEnum(REASONS)).map(([number, name]) => [name, Number(number)]),
    );
    const suppressed = object.map('suppressed_reasons');
    const wanted = new Set<number>();
    for (const reason of options.suppress) {
      const number = numbers.get(reason);
      if (number !== undefined) wanted.add(number);
      else if (!BENIGN.includes(reason))
        log.warn('this kernel has no such reason to drop packets', { reason });
    }
    for (const number of wanted) await suppressed.set(number, 1);
    // A pinned object runs, and has those of the configuration before. What both suppress stays suppressed all the time.
    for await (const [number] of suppressed.entries())
      if (!wanted.has(number)) await suppressed.delete(number);
  },
  async update({ bpf, metrics }) {
    const names = await bpf.kernelEnum(REASONS);
    for await (const [reason, drops] of (await bpf.load()).map('drops').entries())
      metrics.drops.set(drops, { reason: names[String(reason)] ?? String(reason) });
  },
});
export default collector;
