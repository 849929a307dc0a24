/** What waits in UDP sockets of the host. The kernel walks all of them to tell, so containers are not looked at. */
import { join } from 'node:path';
import { hostNetwork } from '../../procfs/network.ts';
import { readIfThere } from '../../procfs/source.ts';
import { parseUdpSockets } from '../../procfs/udp-sockets.ts';
import { type Collector, defineMetric, gauge } from '../../sdk/index.ts';

const FILES = { v4: 'udp', v6: 'udp6' } as const;

const collector: Collector = defineMetric({
  doc: 'Shows how many bytes wait in the queues of the UDP sockets of the host.',
  about: {
    question: 'How much waits in the queues of the UDP sockets of the host?',
    reads: '/proc/1/net/udp and udp6',
    kernel: 'any',
    falsePositives:
      'A moment, not an average. Sockets of containers with a network of their own are not in it',
  },
  metrics: {
    bytes: gauge({
      name: 'huatuo_udp_queue_bytes',
      help: 'Memory of what waits to be read (rx) or sent (tx), over all UDP sockets of the host.',
      labels: ['queue', 'ip'],
    }),
    sockets: gauge({
      name: 'huatuo_udp_sockets',
      help: 'UDP sockets of the host.',
      labels: ['ip'],
    }),
  },
  update({ metrics, paths }) {
    for (const [ip, file] of Object.entries(FILES)) {
      const text = readIfThere(join(hostNetwork(paths.procfs), file));
      if (text === undefined) continue;
      const { sockets, receive_bytes, transmit_bytes } = parseUdpSockets(text);
      metrics.bytes.set(receive_bytes, { queue: 'rx', ip });
      metrics.bytes.set(transmit_bytes, { queue: 'tx', ip });
      metrics.sockets.set(sockets, { ip });
    }
  },
});
export default collector;
