/** Queueing disciplines of the host's network devices: what they sent, dropped, delayed, and what waits in them now. */
import { readLinkNames } from '../../netlink/link.ts';
import { readQdiscs } from '../../netlink/qdisc.ts';
import { isInHostNetwork } from '../../procfs/network.ts';
import { type Collector, counter, defineMetric, gauge, nameFilter } from '../../sdk/index.ts';
import { DEVICE_OPTIONS } from './network-devices.ts';

const LABELS = ['device', 'kind'] as const;

const collector: Collector = defineMetric({
  doc: 'Shows what the queueing disciplines of network devices sent, dropped and delayed, and how much waits in them.',
  about: {
    question:
      'What do the queueing disciplines of network devices send, drop and delay, and how much waits in them?',
    reads: 'rtnetlink (RTM_GETQDISC)',
    kernel: 'any',
    falsePositives:
      'Roots and ingress only: what is below a root is in its numbers, but not what a class of mqprio or a driver’s offload drops. Devices of the agent’s network namespace, which has to be the host’s',
  },
  options: DEVICE_OPTIONS,
  metrics: {
    bytes: counter({ name: 'huatuo_bamai_netdev_qdisc_bytes_total', help: 'Bytes sent.', labels: LABELS }),
    packets: counter({
      name: 'huatuo_bamai_netdev_qdisc_packets_total',
      help: 'Packets sent.',
      labels: LABELS,
    }),
    drops: counter({
      name: 'huatuo_bamai_netdev_qdisc_drops_total',
      help: 'Packets dropped; 32 bits in the kernel.',
      labels: LABELS,
    }),
    requeues: counter({
      name: 'huatuo_bamai_netdev_qdisc_requeues_total',
      help: 'Packets the device did not take, which were put back; 32 bits in the kernel.',
      labels: LABELS,
    }),
    overlimits: counter({
      name: 'huatuo_bamai_netdev_qdisc_overlimits_total',
      help: 'Packets that were delayed by a limit; 32 bits in the kernel.',
      labels: LABELS,
    }),
    current_queue_length: gauge({ help: 'Packets that wait.', labels: LABELS }),
    backlog: gauge({ help: 'Bytes that wait.', labels: LABELS }),
  },
  async update({ metrics, netlink, options, paths }) {
    if (!isInHostNetwork(paths.procfs)) return;
    const isWanted = nameFilter(options);
    const names = await readLinkNames(netlink);
    for (const qdisc of await readQdiscs(netlink)) {
      const device = names.get(qdisc.device);
      // The root has the counters of those below it.
      if (qdisc.place === 'inner' || device === undefined || !isWanted(device)) continue;
      const labels = { device, kind: qdisc.kind };
      metrics.bytes.set(qdisc.bytes, labels);
      metrics.packets.set(qdisc.packets, labels);
      metrics.drops.set(qdisc.drops, labels);
      metrics.requeues.set(qdisc.requeues, labels);
      metrics.overlimits.set(qdisc.overlimits, labels);
      metrics.current_queue_length.set(qdisc.queueLength, labels);
      metrics.backlog.set(qdisc.backlog, labels);
    }
  },
});
export default collector;
