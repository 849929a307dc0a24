/** Compaction of memory: all but one series come straight from bpf/memory_free.bpf.c. */
import { memoryFree } from '../../generated/memory_free.ts';
import { type Collector, counter, defineMetric } from '../../sdk/index.ts';

const NS_PER_MS = 1_000_000;

const collector: Collector = defineMetric({
  object: memoryFree,
  doc: 'Shows how long memory was moved together for large pieces, and tasks waited for it.',
  metrics: {
    compaction_stall: counter({
      help: 'How long tasks were held up to move memory together, in milliseconds.',
    }),
  },
  async update({ metrics, bpf }) {
    const object = await bpf.load();
    for await (const [{ kind }, { sum }] of object.map('compactions').entries())
      if (kind === 'direct') metrics.compaction_stall.set(sum / NS_PER_MS);
  },
});
export default collector;
