/** Reclaim of memory: all but one series, and the documents, come straight from bpf/memory_reclaim_events.bpf.c. */
import { memoryReclaimEvents } from '../../generated/memory_reclaim_events.ts';
import { type Collector, counter, defineEvent } from '../../sdk/index.ts';

const NS_PER_MS = 1_000_000;

const collector: Collector = defineEvent({
  object: memoryReclaimEvents,
  doc: 'Shows tasks that waited long for memory to be reclaimed, and how long all have waited.',
  metrics: {
    allocpages_stall: counter({
      name: 'huatuo_bamai_memory_free_allocpages_stall',
      help: 'How long tasks were held up to reclaim memory because the host had none free, in milliseconds.',
    }),
  },
  async update({ metrics, bpf }) {
    const object = await bpf.load();
    for await (const [kind, { sum }] of object.map('stalls').entries())
      if (kind === 'direct') metrics.allocpages_stall.set(sum / NS_PER_MS);
  },
});
export default collector;
