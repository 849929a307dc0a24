/** Connections that the kernel tracks for NAT and firewalls: how many, how many it may, and what it could not enter. */
import { join } from 'node:path';
import { parseNetStatTable } from '../../procfs/net-stat-table.ts';
import { hostNetwork, perContainerNetwork } from '../../procfs/network.ts';
import { decimal, readIfThere } from '../../procfs/source.ts';
import { CONTAINER_LABELS, type Collector, counter, defineMetric, gauge } from '../../sdk/index.ts';

/** Columns that the kernel prints as 0 because it no longer counts them. */
const DEAD: ReadonlySet<string> = new Set(['searched', 'new', 'ignore', 'delete', 'delete_list']);
/** The one column whose name stayed when its meaning changed: lists that were too long to search. */
const RENAMED: Readonly<Record<string, string>> = { chainlength: 'chaintoolong', clashres: 'clash_resolve' };
/** What went wrong, for containers. */
const FAILURES = ['insert_failed', 'drop', 'early_drop'] as const;

const collector: Collector = defineMetric({
  doc: 'Shows how many connections host and containers have in the connection tracking table, its limit, and what did not fit.',
  about: {
    question:
      'How many connections are tracked on the host and in each container, how many may be, and which could not be entered?',
    reads: '/proc/<pid>/net/stat/nf_conntrack, /proc/sys/net/netfilter/nf_conntrack_max',
    kernel: 'with CONFIG_NF_CONNTRACK_PROCFS',
    falsePositives:
      'Counters have 32 bits for each CPU in the kernel and begin anew at 0. Columns that newer kernels only print as 0 are left out',
  },
  metrics: {
    entries: gauge({ name: 'huatuo_conntrack_entries', help: 'Connections of the host that are tracked.' }),
    limit: gauge({
      name: 'huatuo_conntrack_limit',
      help: 'Connections that may be tracked (nf_conntrack_max), in each network namespace.',
    }),
    count: counter({
      name: 'huatuo_conntrack_{key}_total',
      labels: ['key'],
      help: '{key} of the connection tracking of the host, over all CPUs (conntrack -S).',
    }),
    container_entries: gauge({
      name: 'huatuo_conntrack_container_entries',
      help: 'Connections that are tracked in the network of the container.',
      labels: CONTAINER_LABELS,
    }),
    container_count: counter({
      name: 'huatuo_conntrack_container_{key}_total',
      labels: [...CONTAINER_LABELS, 'key'],
      help: '{key} of the connection tracking in the network of the container, over all CPUs.',
    }),
  },
  update(context) {
    const { metrics, paths } = context;
    const limit = decimal(readIfThere(join(paths.procfs, 'sys/net/netfilter/nf_conntrack_max'))?.trim());
    if (limit !== undefined) metrics.limit.set(limit);
    for (const [column, value] of read(hostNetwork(paths.procfs))) {
      const key = RENAMED[column] ?? column;
      if (column === 'entries') metrics.entries.set(value);
      else if (!DEAD.has(column)) metrics.count.set(value, { key });
    }
    perContainerNetwork(context, read, (table, labels) => {
      const entries = table.get('entries');
      if (entries !== undefined) metrics.container_entries.set(entries, labels);
      for (const key of FAILURES) {
        const value = table.get(key);
        if (value !== undefined) metrics.container_count.set(value, { ...labels, key });
      }
    });
  },
});
export default collector;

/** Nothing where the kernel tracks no connections. */
function read(directory: string): ReadonlyMap<string, number> {
  return parseNetStatTable(readIfThere(join(directory, 'stat/nf_conntrack')) ?? '');
}
