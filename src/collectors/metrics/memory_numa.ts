/** Memory of each NUMA node, and whether allocations came from the node they asked for. */
import { readNumaNodes } from '../../procfs/numa-nodes.ts';
import { type Collector, counter, defineMetric, gauge } from '../../sdk/index.ts';

/** A node has three dozen rows; a fault of balance shows in these. */
const ROWS = {
  MemTotal: gauge({
    name: 'huatuo_memory_numa_size_bytes',
    help: 'Memory of the node.',
    labels: ['node'],
  }),
  MemFree: gauge({
    name: 'huatuo_memory_numa_free_bytes',
    help: 'Memory of the node that is free.',
    labels: ['node'],
  }),
  FilePages: gauge({
    name: 'huatuo_memory_numa_file_bytes',
    help: 'Page cache of the node.',
    labels: ['node'],
  }),
  AnonPages: gauge({
    name: 'huatuo_memory_numa_anon_bytes',
    help: 'Anonymous memory of the node.',
    labels: ['node'],
  }),
  Slab: gauge({
    name: 'huatuo_memory_numa_slab_bytes',
    help: 'Memory of the node in slabs of the kernel.',
    labels: ['node'],
  }),
} as const;

const collector: Collector = defineMetric({
  doc: 'Shows the memory of each NUMA node, and how often another node had to help out.',
  about: {
    question: 'How is memory spread over NUMA nodes, and how often did another node have to help out?',
    reads: '/sys/devices/system/node',
    kernel: 'any with CONFIG_NUMA',
    falsePositives:
      'A task that is bound to a node without memory makes numa_foreign rise for ever, as it was asked to. On a host of one node it repeats memory_info',
  },
  metrics: {
    allocated: counter({
      name: 'huatuo_bamai_memory_numa_{key}_pages_total',
      help: 'Pages allocated on the node, {key} of numastat.',
      labels: ['key', 'node'],
    }),
    ...ROWS,
  },
  update({ metrics, paths, log }) {
    for (const { node, allocations, meminfo } of readNumaNodes(paths.sysfs, log)) {
      for (const [key, pages] of Object.entries(allocations)) metrics.allocated.set(pages, { key, node });
      for (const row of Object.keys(ROWS) as (keyof typeof ROWS)[]) {
        const bytes = meminfo[row];
        if (bytes !== undefined) metrics[row].set(bytes, { node });
      }
    }
  },
});
export default collector;
