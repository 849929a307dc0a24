/** TCP retransmissions: documents come straight from bpf/tcp_retransmit.bpf.c, the counters from its map. */
import type { TcpRetransmitEvent } from '../../generated/tcp_retransmit.ts';
import { type Collector, counter, defineEvent } from '../../sdk/index.ts';

/** In the order of `enum retransmit_reason`. */
const REASONS: readonly Exclude<TcpRetransmitEvent['tcp_reason'], number>[] = [
  'unknown',
  'SYN',
  'SYN_ACK',
  'RTO',
  'slow_start',
  'fast_retransmit',
  'TLP',
  'non_congestion',
];

const collector: Collector = defineEvent({
  doc: 'Shows what TCP sends again, why, and whose connection it is.',
  enabledByDefault: false,
  metrics: {
    retransmits: counter({
      name: 'huatuo_tcp_retransmits_total',
      help: 'TCP segments that were sent again, in all network namespaces, whether there is a document or not.',
      labels: ['reason'],
    }),
  },
  async update({ bpf, metrics }) {
    const retransmits = (await bpf.load()).map<number, number>('retransmits');
    for await (const [reason, segments] of retransmits.entries())
      metrics.retransmits.set(segments, { reason: REASONS[reason] ?? 'unknown' });
  },
});
export default collector;
