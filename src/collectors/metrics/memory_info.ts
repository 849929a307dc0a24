/** What the memory of the host is used for. */
import { join } from 'node:path';
import { type HugepagePool, readHugepages } from '../../procfs/hugepages.ts';
import { parseMeminfo } from '../../procfs/meminfo.ts';
import { readSource } from '../../procfs/source.ts';
import { type Collector, defineMetric, gauge } from '../../sdk/index.ts';

const pool = (state: string, help: string) =>
  gauge({ name: `huatuo_memory_hugepages_${state}`, help, labels: ['page_bytes'] });

const POOLS = {
  allocated: pool('allocated', 'Huge pages in the pool, free or not.'),
  free: pool('free', 'Huge pages of the pool that are free.'),
  reserved: pool('reserved', 'Free huge pages that are promised to a mapping.'),
  surplus: pool('surplus', 'Huge pages beyond the size that was set for the pool.'),
} as const satisfies Record<Exclude<keyof HugepagePool, 'page_bytes'>, unknown>;

const STATES = Object.keys(POOLS) as (keyof typeof POOLS)[];

const collector: Collector = defineMetric({
  doc: 'Shows what the memory of the host is used for, and how much of it is there.',
  about: {
    question: 'What is the memory of the host used for, and how much is available? Huge pages by size',
    reads: '/proc/meminfo, /sys/kernel/mm/hugepages',
    kernel: 'any; huge pages with CONFIG_HUGETLB_PAGE',
    falsePositives:
      'mem_free is small on a healthy host, whose page cache takes what nothing else does: mem_available is what can be had. Both are estimates that lag behind by what CPUs keep',
  },
  metrics: {
    row: gauge({
      name: 'huatuo_memory_info_{key}_bytes',
      help: 'Row {key} of /proc/meminfo, where upper and lower case tell the words apart.',
      labels: ['key'],
    }),
    ...POOLS,
  },
  update({ metrics, paths, log }) {
    for (const [row, bytes] of Object.entries(parseMeminfo(readSource(join(paths.procfs, 'meminfo'))))) {
      // Those are pages of the usual size, which the pools tell too.
      if (!row.startsWith('HugePages_')) metrics.row.set(bytes, { key: rowName(row) });
    }
    for (const { page_bytes, ...counts } of readHugepages(paths.sysfs, log)) {
      for (const state of STATES) {
        const pages = counts[state];
        if (pages !== undefined) metrics[state].set(pages, { page_bytes: String(page_bytes) });
      }
    }
  },
});
export default collector;

/** @returns `mem_available` of `MemAvailable`, `active_anon` of `Active(anon)`, `committed_as` of `Committed_AS` */
export function rowName(row: string): string {
  return row
    .replace(/\((\w+)\)/, '_$1')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
