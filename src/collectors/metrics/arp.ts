/**
 * Neighbours: what ARP and IPv6's neighbour discovery know. One table each serves all network namespaces of the host, so containers
 * can fill it for everyone.
 */
import { join } from 'node:path';
import { countNeighbours, type NeighbourFamily } from '../../netlink/neighbours.ts';
import { countArpEntries } from '../../procfs/arp.ts';
import { parseNetStatTable } from '../../procfs/net-stat-table.ts';
import { hostNetwork, isInHostNetwork, perContainerNetwork } from '../../procfs/network.ts';
import { decimal, readIfThere } from '../../procfs/source.ts';
import { CONTAINER_LABELS, type Collector, counter, defineMetric, gauge } from '../../sdk/index.ts';

const TABLES: Readonly<Record<NeighbourFamily, { readonly file: string; readonly limit: string }>> = {
  ipv4: { file: 'stat/arp_cache', limit: 'sys/net/ipv4/neigh/default/gc_thresh3' },
  ipv6: { file: 'stat/ndisc_cache', limit: 'sys/net/ipv6/neigh/default/gc_thresh3' },
};

const collector: Collector = defineMetric({
  doc: 'Shows how many neighbours host and containers know by ARP and IPv6, how many the kernel keeps, and when it has no room.',
  about: {
    question:
      'How many neighbours do the host and each container know by ARP and IPv6, how many may there be, and how often was there no room?',
    reads: '/proc/<pid>/net/arp, /proc/1/net/stat/arp_cache and ndisc_cache, rtnetlink (RTM_GETNEIGH)',
    kernel: 'any; states and limits where the agent is in the host’s network',
    falsePositives:
      'The table of a family is one for all network namespaces: a full one may be a container’s doing',
  },
  metrics: {
    entries: gauge({ help: 'Entries of the ARP cache of the host.' }),
    total: gauge({ help: 'Entries of ARP over all network namespaces.' }),
    container_entries: gauge({
      help: 'Entries of the ARP cache in the network of the container.',
      labels: CONTAINER_LABELS,
    }),
    device_entries: gauge({
      name: 'huatuo_arp_device_entries',
      help: 'Entries of the ARP cache of the host, by device.',
      labels: ['device'],
    }),
    neighbours: gauge({
      name: 'huatuo_neighbour_entries',
      help: 'Neighbours of the host by state (ip neigh show nud all).',
      labels: ['family', 'state'],
    }),
    table: gauge({
      name: 'huatuo_neighbour_table_entries',
      help: 'Neighbours over all network namespaces, which share one table of each family.',
      labels: ['family'],
    }),
    limit: gauge({
      name: 'huatuo_neighbour_table_limit',
      help: 'Neighbours that the table may have (gc_thresh3).',
      labels: ['family'],
    }),
    overflows: counter({
      name: 'huatuo_neighbour_table_overflows_total',
      help: 'How often a neighbour found no room in the table.',
      labels: ['family'],
    }),
    failures: counter({
      name: 'huatuo_neighbour_failed_resolutions_total',
      help: 'Neighbours that did not answer.',
      labels: ['family'],
    }),
  },
  async update(context) {
    const { metrics, netlink, paths } = context;
    const host = hostNetwork(paths.procfs);
    const arp = readArp(host);
    if (arp) {
      metrics.entries.set(sum(arp));
      for (const [device, entries] of arp) metrics.device_entries.set(entries, { device });
    }
    for (const family of ['ipv4', 'ipv6'] as const) {
      const table = parseNetStatTable(readIfThere(join(host, TABLES[family].file)) ?? '');
      const limit = decimal(readIfThere(join(paths.procfs, TABLES[family].limit))?.trim());
      const values = [
        [metrics.table, table.get('entries')],
        [metrics.overflows, table.get('table_fulls')],
        [metrics.failures, table.get('res_failed')],
        [metrics.limit, limit],
      ] as const;
      for (const [metric, value] of values) if (value !== undefined) metric.set(value, { family });
      if (family === 'ipv4' && table.has('entries')) metrics.total.set(table.get('entries') ?? 0);
    }
    perContainerNetwork(context, readArp, (entries, labels) => {
      if (entries) metrics.container_entries.set(sum(entries), labels);
    });
    if (!isInHostNetwork(paths.procfs)) return;
    for (const { family, state, entries } of await countNeighbours(netlink))
      metrics.neighbours.set(entries, { family, state });
  },
});
export default collector;

function readArp(directory: string): ReadonlyMap<string, number> | undefined {
  const text = readIfThere(join(directory, 'arp'));
  return text === undefined ? undefined : countArpEntries(text);
}

function sum(entries: ReadonlyMap<string, number>): number {
  return [...entries.values()].reduce((total, count) => total + count, 0);
}
