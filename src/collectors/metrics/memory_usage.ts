/** Memory that each container uses, and what it may use. */
import { type MemoryUsage, readMemoryUsage } from '../../procfs/memory-usage.ts';
import { type Collector, defineMetric, gauge, perWorkload, WORKLOAD_LABELS } from '../../sdk/index.ts';

const ABOVE = 'the least of its own and those above it';
const of = (name: string, help: string) =>
  gauge({ name: `huatuo_container_memory_${name}_bytes`, help, labels: WORKLOAD_LABELS });

const METRICS = {
  usage: of('usage', 'Memory charged to the container, page cache included.'),
  workingSet: of('working_set', 'Memory charged to the container without inactive page cache.'),
  peak: of('peak', 'The most memory that was charged to the container at once.'),
  limit: of('limit', `Limit at which the container is OOM killed: ${ABOVE}.`),
  throttleLimit: of('throttle_limit', `Limit from which on its tasks are held up (memory.high): ${ABOVE}.`),
  swap: of('swap', 'Swap charged to the container.'),
  swapLimit: of('swap_limit', `Limit of its swap, cgroup v2: ${ABOVE}.`),
} as const satisfies Record<keyof MemoryUsage, unknown>;

const KINDS = Object.keys(METRICS) as (keyof MemoryUsage)[];

const collector: Collector = defineMetric({
  doc: 'Shows how much memory each container uses, of how much that it may.',
  about: {
    question:
      'How much memory does each container use, of how much that it may, and how near was it to its limit?',
    reads: 'memory.current, max, high, peak, stat and swap of cgroups, those of v1 likewise',
    kernel: 'any with CONFIG_MEMCG; the peak of cgroup v2 from 5.19',
    falsePositives:
      'Usage near the limit is mostly page cache, which is given back when it is needed: working_set is without the part that was not used lately. The limit is also that of a pod, where it is less',
  },
  metrics: METRICS,
  update(context) {
    perWorkload(context, ({ cgroups }, labels) => {
      const usage = readMemoryUsage(cgroups);
      for (const kind of usage ? KINDS : []) {
        const bytes = usage?.[kind];
        if (bytes !== undefined) context.metrics[kind].set(bytes, labels);
      }
    });
  },
});
export default collector;
