/** Memory of all TCP sockets of the host, against the bound above which the kernel gives none (net.ipv4.tcp_mem). */
import { join } from 'node:path';
import { hostNetwork } from '../../procfs/network.ts';
import { decimals } from '../../procfs/numbers.ts';
import { pageSize } from '../../procfs/page-size.ts';
import { parseSockstat } from '../../procfs/sockstat.ts';
import { readIfThere, readSource } from '../../procfs/source.ts';
import { type Collector, defineMetric, gauge } from '../../sdk/index.ts';

const collector: Collector = defineMetric({
  doc: 'Shows how much memory TCP uses, and how much it may.',
  about: {
    question: 'How much memory does TCP use of what it may, before the kernel saves and then refuses?',
    reads: '/proc/1/net/sockstat, /proc/sys/net/ipv4/tcp_mem',
    kernel: 'any; without the bounds where the agent is not in the host’s network',
    falsePositives: 'All network namespaces share one bound. A limit of a memory cgroup may refuse earlier',
  },
  metrics: {
    usage_pages: gauge({ help: 'Memory of TCP sockets, in pages.' }),
    usage_bytes: gauge({ help: 'Memory of TCP sockets, in bytes.' }),
    limit_pages: gauge({ help: 'Memory that TCP may use, in pages: the third number of net.ipv4.tcp_mem.' }),
    usage_percent: gauge({
      help: 'Part of the limit that is used: a ratio from 0 to 1, in spite of its name.',
    }),
    pressure: gauge({
      name: 'huatuo_tcp_memory_pressure_bytes',
      help: 'Use above which TCP begins to save memory: the second number of net.ipv4.tcp_mem.',
    }),
    limit: gauge({ name: 'huatuo_tcp_memory_limit_bytes', help: 'Memory that TCP may use.' }),
  },
  update({ metrics, paths: { procfs } }) {
    const page = pageSize(procfs);
    const used = parseSockstat(readSource(join(hostNetwork(procfs), 'sockstat'))).get('TCP_mem');
    // Only the host's own namespace has it.
    const bounds = readIfThere(join(procfs, 'sys/net/ipv4/tcp_mem')) ?? '';
    const [, pressure, limit] = decimals(bounds, 0, bounds.length) ?? [];
    if (used !== undefined) {
      metrics.usage_pages.set(used);
      metrics.usage_bytes.set(used * page);
    }
    if (pressure !== undefined) metrics.pressure.set(pressure * page);
    if (limit === undefined || limit === 0) return;
    metrics.limit_pages.set(limit);
    metrics.limit.set(limit * page);
    if (used !== undefined) metrics.usage_percent.set(used / limit);
  },
});
export default collector;
