/** What each CPU received from network devices, and what it had no room or no time for. */
import { join } from 'node:path';
import { hostNetwork } from '../../procfs/network.ts';
import { parseSoftnet } from '../../procfs/softnet.ts';
import { readSource } from '../../procfs/source.ts';
import { type Collector, counter, defineMetric, gauge } from '../../sdk/index.ts';

const LABELS = ['cpu'] as const;

const collector: Collector = defineMetric({
  doc: 'Shows packets that each CPU took from network devices, dropped because its backlog was full, or left for the next round.',
  about: {
    question: 'Does each CPU keep up with the packets it receives, or does it drop or put off some?',
    reads: '/proc/1/net/softnet_stat',
    kernel: 'any',
    falsePositives:
      'All network namespaces together. Counters have 32 bits in the kernel and begin anew at 0',
  },
  metrics: {
    processed: counter({
      name: 'huatuo_softnet_processed_total',
      help: 'Packets, of all network namespaces, that the CPU took.',
      labels: LABELS,
    }),
    dropped: counter({
      name: 'huatuo_softnet_dropped_total',
      help: 'Packets dropped because the backlog of the CPU was full (net.core.netdev_max_backlog).',
      labels: LABELS,
    }),
    times_squeezed: counter({
      name: 'huatuo_softnet_times_squeezed_total',
      help: 'How often net_rx_action() ended with work left, for want of budget or time.',
      labels: LABELS,
    }),
    received_rps: counter({
      name: 'huatuo_softnet_received_rps_total',
      help: 'How often another CPU woke this one for packets (receive packet steering).',
      labels: LABELS,
    }),
    flow_limited: counter({
      name: 'huatuo_softnet_flow_limited_total',
      help: 'Packets dropped for being of a flow that fills the backlog (flow limit).',
      labels: LABELS,
    }),
    backlog: gauge({
      name: 'huatuo_softnet_backlog_packets',
      help: 'Packets that wait for the CPU.',
      labels: LABELS,
    }),
  },
  update({ metrics, paths }) {
    for (const row of parseSoftnet(readSource(join(hostNetwork(paths.procfs), 'softnet_stat')))) {
      const labels = { cpu: String(row.cpu) };
      metrics.processed.set(row.processed, labels);
      metrics.dropped.set(row.dropped, labels);
      metrics.times_squeezed.set(row.timeSqueezed, labels);
      metrics.received_rps.set(row.receivedRps, labels);
      metrics.flow_limited.set(row.flowLimited, labels);
      metrics.backlog.set(row.backlog, labels);
    }
  },
});
export default collector;
