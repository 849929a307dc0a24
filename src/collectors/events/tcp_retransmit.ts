/** TCP retransmissions: documents and counters come straight from bpf/tcp_retransmit.bpf.c. */
import { tcpRetransmit } from '../../generated/tcp_retransmit.ts';
import { type Collector, defineEvent } from '../../sdk/index.ts';

const collector: Collector = defineEvent({
  object: tcpRetransmit,
  doc: 'Shows what TCP sends again, why, and whose connection it is.',
  enabledByDefault: false,
});
export default collector;
