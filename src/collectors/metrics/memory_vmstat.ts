/** Counters and levels of the kernel's memory management: /proc/vmstat of the host, memory.stat of each container. */
import { join } from 'node:path';
import { parseFlatKeyed } from '../../procfs/memory-cgroup.ts';
import { readMemoryStat } from '../../procfs/memory-stat.ts';
import { readSource } from '../../procfs/source.ts';
import { isMemoryStatCounter, isVmstatCounter } from '../../procfs/vmstat.ts';
import {
  type Collector,
  counter,
  defineMetric,
  gauge,
  nameFilter,
  pattern,
  perWorkload,
  WORKLOAD_LABELS,
} from '../../sdk/index.ts';

/** 500 containers, with the keys that are included by default. */
const MAX_SERIES = 20_000;

/** What existing HuaTuo dashboards have, what node_exporter shows, and how often large pages were had or not. */
const HOST_KEYS = [
  'allocstall.*',
  'nr_(active|inactive)_(anon|file)',
  'nr_(boost_pages|free_pages|kswapd_boost|mlock|unevictable)',
  'nr_(dirtied|dirty|shmem|slab_reclaimable|slab_unreclaimable|writeback).*',
  'numa_pages_migrated',
  'pgdeactivate|pgrefill',
  'pg(scan|steal)_(direct|kswapd).*',
  'oom_kill|pgpgin|pgpgout|pswpin|pswpout|pg(maj)?fault',
  'compact_(stall|fail|success)',
  'thp_fault_(alloc|fallback)',
  'workingset_refault_(anon|file)',
].join('|');
const CONTAINER_KEYS = [
  '(in)?active_(anon|file)',
  '(file_)?(dirty|writeback)',
  'shmem.*|unevictable',
  'pgdeactivate|pgrefill',
  'pg(scan|steal)_(direct|kswapd|cswapd|globaldirect|globalkswapd)',
  'anon|file|rss|cache|kernel|slab|sock|swap|file_mapped|mapped_file',
  'pg(maj)?fault',
  'workingset_refault_(anon|file)',
].join('|');

const NAME = 'huatuo_bamai_memory_vmstat_{key}';
const CONTAINER_NAME = 'huatuo_bamai_memory_vmstat_container_{key}';
const CONTAINER_HELP =
  'Field {key} of memory.stat, of the cgroup with those below it; bytes unless it counts events.';
const labels = ['key', ...WORKLOAD_LABELS] as const;

const collector: Collector = defineMetric({
  doc: 'Shows what memory is used for, and what the kernel does to have some free, on the host and in each container.',
  about: {
    question:
      'What does the kernel do to have memory free, on the host and in each container: reclaim, faults, writeback, large pages; and what is it used for?',
    reads: '/proc/vmstat, memory.stat of cgroups',
    kernel: 'any; containers with CONFIG_MEMCG. cgroup v1 counts no reclaim in memory.stat',
    falsePositives:
      'Keys differ from kernel to kernel, and between cgroup v1 and v2: what this one does not have has no series. kswapd that reclaims page cache is how Linux works, and no trouble by itself',
  },
  maxSeries: MAX_SERIES,
  options: {
    include: pattern(HOST_KEYS, 'Keys of /proc/vmstat to show; empty for all'),
    exclude: pattern('', 'Keys of /proc/vmstat to leave out; empty for none'),
    container_include: pattern(
      CONTAINER_KEYS,
      'Keys of memory.stat to show, those of cgroup v1 without their total_; empty for all',
    ),
    container_exclude: pattern('', 'Keys of memory.stat to leave out; empty for none'),
  },
  metrics: {
    events: counter({ name: NAME, help: 'Field {key} of /proc/vmstat.', labels: ['key'] }),
    levels: gauge({
      name: NAME,
      help: 'Field {key} of /proc/vmstat, in pages; nr_kernel_stack in KiB.',
      labels: ['key'],
    }),
    container_events: counter({ name: CONTAINER_NAME, help: CONTAINER_HELP, labels }),
    container_levels: gauge({ name: CONTAINER_NAME, help: CONTAINER_HELP, labels }),
  },
  update(context) {
    const { metrics, options, paths } = context;
    const isShown = nameFilter(options);
    for (const [key, value] of Object.entries(parseFlatKeyed(readSource(join(paths.procfs, 'vmstat')))))
      if (isShown(key)) (isVmstatCounter(key) ? metrics.events : metrics.levels).set(value, { key });

    const series = containerSeries(options);
    perWorkload(context, ({ cgroups }, own) => {
      for (const [key, value] of readMemoryStat(cgroups) ?? []) {
        const kind = series(key);
        if (kind) metrics[kind].set(value, { key, ...own });
      }
    });
  },
});
export default collector;

/** What becomes of a key of memory.stat. All containers have the same keys, so each is looked at once. */
function containerSeries(options: {
  readonly container_include: string;
  readonly container_exclude: string;
}): (key: string) => 'container_events' | 'container_levels' | undefined {
  const isShown = nameFilter({ include: options.container_include, exclude: options.container_exclude });
  const known = new Map<string, 'container_events' | 'container_levels' | undefined>();
  return (key) => {
    if (!known.has(key)) {
      const kind = isMemoryStatCounter(key) ? 'container_events' : 'container_levels';
      known.set(key, isShown(key) ? kind : undefined);
    }
    return known.get(key);
  };
}
