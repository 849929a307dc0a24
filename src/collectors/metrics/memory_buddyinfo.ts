/** Free memory of the host by the size of its pieces: how fragmented it is. */
import { join } from 'node:path';
import { parseBuddyinfo } from '../../procfs/buddyinfo.ts';
import { readSource } from '../../procfs/source.ts';
import { type Collector, defineMetric, gauge } from '../../sdk/index.ts';

const collector: Collector = defineMetric({
  doc: 'Shows in pieces of which size the memory of the host is free.',
  about: {
    question: 'In pieces of which size is the memory of the host free, by NUMA node and zone?',
    reads: '/proc/buddyinfo',
    kernel: 'any',
    falsePositives:
      'Free pages are what the kernel has left over: few large pieces are no trouble while nothing asks for them. Pages on the lists of CPUs are not counted',
  },
  metrics: {
    blocks: gauge({
      help: 'Free blocks of 2^order pages, by NUMA node and zone.',
      labels: ['node', 'zone', 'order'],
    }),
  },
  update({ metrics, paths }) {
    for (const { node, zone, blocks } of parseBuddyinfo(readSource(join(paths.procfs, 'buddyinfo'))))
      for (const [order, count] of blocks.entries())
        metrics.blocks.set(count, { node, zone, order: String(order) });
  },
});
export default collector;
