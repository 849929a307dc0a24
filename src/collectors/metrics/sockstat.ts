/** Sockets of the host and of each container that has a network of its own, by protocol. */
import { join } from 'node:path';
import { hostNetwork, perContainerNetwork } from '../../procfs/network.ts';
import { pageSize } from '../../procfs/page-size.ts';
import { parseSockstat } from '../../procfs/sockstat.ts';
import { readIfThere } from '../../procfs/source.ts';
import { CONTAINER_LABELS, type Collector, defineMetric, gauge } from '../../sdk/index.ts';

/** Pages, of all network namespaces together. */
const PAGES = '_mem';
/** What the kernel counts over all namespaces only: in the file of a container stands the host's number. */
const OF_HOST: ReadonlySet<string> = new Set(['TCP_orphan', 'TCP_alloc', 'TCP_mem', 'UDP_mem']);

const collector: Collector = defineMetric({
  doc: 'Shows how many sockets host and containers have, by protocol, and the memory of the host’s.',
  about: {
    question:
      'How many sockets do the host and each container have, by protocol, and how much memory do they take?',
    reads: '/proc/<pid>/net/sockstat and sockstat6, of process 1 and of each network namespace of containers',
    kernel: 'any',
    falsePositives:
      'TCP orphan, alloc and mem, and UDP mem, are counted by the kernel over all network namespaces, so containers have none of them',
  },
  metrics: {
    value: gauge({
      name: 'huatuo_bamai_sockstat_{key}',
      labels: ['key'],
      help: '{key} of the host: sockets, except for mem (pages), mem_bytes and memory (bytes).',
    }),
    container_value: gauge({
      name: 'huatuo_bamai_sockstat_container_{key}',
      labels: [...CONTAINER_LABELS, 'key'],
      help: '{key} of the network of the container: sockets, except for memory (bytes).',
    }),
  },
  update(context) {
    const { metrics, paths } = context;
    for (const [key, value] of read(hostNetwork(paths.procfs))) {
      metrics.value.set(value, { key });
      if (key.endsWith(PAGES)) metrics.value.set(value * pageSize(paths.procfs), { key: `${key}_bytes` });
    }
    perContainerNetwork(context, read, (values, labels) => {
      for (const [key, value] of values)
        if (!OF_HOST.has(key)) metrics.container_value.set(value, { ...labels, key });
    });
  },
});
export default collector;

function read(directory: string): [key: string, value: number][] {
  return ['sockstat', 'sockstat6'].flatMap((file) => [
    ...parseSockstat(readIfThere(join(directory, file)) ?? ''),
  ]);
}
