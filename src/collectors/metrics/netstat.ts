/**
 * Counters of the network protocols of the host and of each container that has a network of its own, by the kernel's names. With
 * retransmissions (`Tcp_RetransSegs`, `TcpExt_TCPLostRetransmit` …) and with what the protocols throw away.
 */
import { join } from 'node:path';
import {
  CounterColumns,
  type OnCounter,
  parseNetCounters,
  parseNetCounters6,
} from '../../procfs/net-counters.ts';
import { hostNetwork, perContainerNetwork } from '../../procfs/network.ts';
import { readIfThere } from '../../procfs/source.ts';
import {
  CONTAINER_LABELS,
  type Collector,
  counter,
  defineMetric,
  gauge,
  nameFilter,
  pattern,
} from '../../sdk/index.ts';

/** What stands among the counters and is none. */
const LEVELS: ReadonlySet<string> = new Set([
  'Ip_Forwarding',
  'Ip_DefaultTTL',
  'Tcp_RtoAlgorithm',
  'Tcp_RtoMin',
  'Tcp_RtoMax',
  'Tcp_MaxConn',
  'Tcp_CurrEstab',
  'MPTcpExt_MPCurrEstab',
]);

const HOST = {
  name: 'huatuo_bamai_netstat_{key}',
  help: '{key} of the host, by the name that the kernel has for it.',
};
const CONTAINER = {
  name: 'huatuo_bamai_netstat_container_{key}',
  help: '{key} of the network of the container, by the name that the kernel has for it.',
};

const collector: Collector = defineMetric({
  doc: 'Shows the counters of the network protocols (TCP, UDP, IP, ICMP, MPTCP) of host and containers.',
  about: {
    question:
      'What do TCP, UDP, IP, ICMP and MPTCP of the host and of each container count: retransmissions, resets, drops, overflows of queues?',
    reads:
      '/proc/<pid>/net/snmp, netstat and snmp6, of process 1 and of each network namespace of containers',
    kernel: 'any; counters are those that the kernel has',
    falsePositives:
      'Numbers are of a network namespace: containers of a pod have the same, those in the host’s network none. What a counter means may differ between kernels',
  },
  options: {
    include: pattern('', 'Counters of the host to show, such as Tcp_.*; empty for all'),
    exclude: pattern('', 'Counters of the host to leave out; empty for none'),
    container_include: pattern('(Tcp|TcpExt|Udp6?)_.*', 'Counters of containers to show; empty for all'),
    container_exclude: pattern('', 'Counters of containers to leave out; empty for none'),
  },
  metrics: {
    count: counter({ ...HOST, labels: ['key'] }),
    level: gauge({ ...HOST, labels: ['key'] }),
    container_count: counter({ ...CONTAINER, labels: [...CONTAINER_LABELS, 'key'] }),
    container_level: gauge({ ...CONTAINER, labels: [...CONTAINER_LABELS, 'key'] }),
  },
  // 150 for each of 330 containers.
  maxSeries: 50_000,
  update(context) {
    const { metrics, options, paths } = context;
    const wanted = columnsFor(options.include, options.exclude);
    readCounters(hostNetwork(paths.procfs), wanted, (key, value) => {
      if (LEVELS.has(key)) metrics.level.set(value, { key });
      else if (value >= 0) metrics.count.set(value, { key });
    });
    const containers = columnsFor(options.container_include, options.container_exclude);
    perContainerNetwork(
      context,
      (directory) => {
        const counts: [key: string, value: number][] = [];
        readCounters(directory, containers, (key, value) => counts.push([key, value]));
        return counts;
      },
      (counts, labels) => {
        for (const [key, value] of counts) {
          if (LEVELS.has(key)) metrics.container_level.set(value, { ...labels, key });
          else if (value >= 0) metrics.container_count.set(value, { ...labels, key });
        }
      },
    );
  },
});
export default collector;

/** Of this thread; only a cache. */
const columns = new Map<string, CounterColumns>();

function columnsFor(include: string, exclude: string): CounterColumns {
  const key = JSON.stringify([include, exclude]);
  const known = columns.get(key);
  if (known) return known;
  // Two at a time are in use; after a reload others.
  if (columns.size >= 4) columns.clear();
  const made = new CounterColumns(nameFilter({ include, exclude }));
  columns.set(key, made);
  return made;
}

/** A file that the kernel does not have, as without IPv6, says nothing. */
function readCounters(directory: string, wanted: CounterColumns, onCounter: OnCounter): void {
  for (const file of ['snmp', 'netstat'])
    parseNetCounters(readIfThere(join(directory, file)) ?? '', wanted, onCounter);
  parseNetCounters6(readIfThere(join(directory, 'snmp6')) ?? '', wanted, onCounter);
}
