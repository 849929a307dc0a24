/**
 * Traffic, errors and the link of network devices. The host's by one dump of rtnetlink, which has more than /proc/net/dev and the
 * state of the link; those of containers by /proc/<pid>/net/dev.
 */
import { join } from 'node:path';
import type { BondPort } from '../../netlink/bond.ts';
import { type LinkCounters, type LinkStatistics, readLinkStatistics } from '../../netlink/link-statistics.ts';
import { linkSpeed } from '../../procfs/link-speed.ts';
import { NET_DEV_COLUMNS, type NetDevCounters, parseNetDev } from '../../procfs/net-dev.ts';
import { hostNetwork, isInHostNetwork, perContainerNetwork } from '../../procfs/network.ts';
import { readSource } from '../../procfs/source.ts';
import { type Collector, defineMetric, type Instruments, nameFilter } from '../../sdk/index.ts';
import { DETAILS, METRICS } from './netdev-metrics.ts';
import { DEVICE_OPTIONS } from './network-devices.ts';

const collector: Collector = defineMetric({
  doc: 'Shows traffic, errors and drops of the network devices of host and containers, and the state of the host’s links.',
  about: {
    question:
      'How much traffic, how many errors and drops have the network devices of the host and of each container, and are the links of the host up, how fast, and how often did they change?',
    reads:
      'rtnetlink (RTM_GETLINK with IFLA_STATS64) and /sys/class/net/<device>/speed for the host, /proc/<pid>/net/dev for containers',
    kernel: 'any',
    falsePositives:
      'receive_dropped has drops of the device and of the kernel. Where the agent is not in the network of the host, of the host only /proc/1/net/dev is shown. Containers in the host’s network have no series; those of a pod have the same',
  },
  options: DEVICE_OPTIONS,
  metrics: METRICS,
  maxSeries: 50_000,
  async update(context) {
    const { metrics, netlink, options, paths } = context;
    const isWanted = nameFilter(options);
    if (isInHostNetwork(paths.procfs)) {
      // All of them: the bond of a port that is shown may be one that is not.
      const links = await readLinkStatistics(netlink, () => true);
      const names = new Map(links.map(({ index, name }) => [index, name]));
      for (const link of links.filter(({ name }) => isWanted(name))) {
        showLink(metrics, link, paths.sysfs);
        const master = names.get(link.master ?? 0);
        if (link.bond && master !== undefined)
          showBondPort(metrics, link.bond, { device: link.name, master });
      }
    } else {
      // In a namespace of its own the agent knows of the host what files tell.
      const devices = parseNetDev(readSource(join(hostNetwork(paths.procfs), 'dev')), isWanted);
      for (const [device, counts] of devices)
        for (const column of NET_DEV_COLUMNS) metrics[`${column}_total`].set(counts[column], { device });
    }
    perContainerNetwork(
      context,
      (directory) => parseNetDev(readSource(join(directory, 'dev')), isWanted),
      (devices, container) => {
        for (const [device, counts] of devices) {
          const labels = { ...container, device };
          for (const column of NET_DEV_COLUMNS)
            metrics[`container_${column}_total`].set(counts[column], labels);
        }
      },
    );
  },
});
export default collector;

/** As dev_seq_printf_stats() adds up what rtnetlink has apart. */
function netDevCounters(link: LinkCounters): NetDevCounters {
  return {
    receive_bytes: link.rx_bytes,
    receive_packets: link.rx_packets,
    receive_errors: link.rx_errors,
    receive_dropped: link.rx_dropped + link.rx_missed_errors,
    receive_fifo: link.rx_fifo_errors,
    receive_frame: link.rx_length_errors + link.rx_over_errors + link.rx_crc_errors + link.rx_frame_errors,
    receive_compressed: link.rx_compressed,
    receive_multicast: link.multicast,
    transmit_bytes: link.tx_bytes,
    transmit_packets: link.tx_packets,
    transmit_errors: link.tx_errors,
    transmit_dropped: link.tx_dropped,
    transmit_fifo: link.tx_fifo_errors,
    transmit_colls: link.collisions,
    transmit_carrier:
      link.tx_carrier_errors + link.tx_aborted_errors + link.tx_window_errors + link.tx_heartbeat_errors,
    transmit_compressed: link.tx_compressed,
  };
}

function detailsOf(link: LinkCounters): Readonly<Record<keyof typeof DETAILS, number | undefined>> {
  return {
    multicast: link.multicast,
    collisions: link.collisions,
    receive_length_errors: link.rx_length_errors,
    receive_over_errors: link.rx_over_errors,
    receive_crc_errors: link.rx_crc_errors,
    receive_frame_errors: link.rx_frame_errors,
    receive_fifo_errors: link.rx_fifo_errors,
    receive_missed_errors: link.rx_missed_errors,
    transmit_aborted_errors: link.tx_aborted_errors,
    transmit_carrier_errors: link.tx_carrier_errors,
    transmit_fifo_errors: link.tx_fifo_errors,
    transmit_heartbeat_errors: link.tx_heartbeat_errors,
    transmit_window_errors: link.tx_window_errors,
    receive_nohandler: link.rx_nohandler,
    receive_otherhost_dropped: link.rx_otherhost_dropped,
  };
}

const DETAIL_KEYS = Object.keys(DETAILS) as (keyof typeof DETAILS)[];

function showLink(metrics: Instruments<typeof METRICS>, link: LinkStatistics, sysfs: string): void {
  const labels = { device: link.name };
  if (link.counters) {
    const basic = netDevCounters(link.counters);
    const details = detailsOf(link.counters);
    for (const column of NET_DEV_COLUMNS) metrics[`${column}_total`].set(basic[column], labels);
    for (const key of DETAIL_KEYS) {
      const value = details[key];
      if (value !== undefined) metrics[`${key}_total`].set(value, labels);
    }
  }
  const { operstate = 'unknown' } = link;
  metrics.info.set(1, { ...labels, adminstate: link.isUp ? 'up' : 'down', operstate });
  if (operstate !== 'unknown') metrics.up.set(operstate === 'up' ? 1 : 0, labels);
  const speed = link.isUp && link.carrier ? linkSpeed(sysfs, link.name) : undefined;
  const values = [
    [metrics.carrier, link.isUp && link.carrier !== undefined ? Number(link.carrier) : undefined],
    [metrics.carrier_changes, link.carrierChanges],
    [metrics.carrier_ups, link.carrierUps],
    [metrics.carrier_downs, link.carrierDowns],
    [metrics.mtu, link.mtu],
    [metrics.speed, speed],
    [metrics.transmit_queue_length, link.transmitQueueLength],
  ] as const;
  for (const [metric, value] of values) if (value !== undefined) metric.set(value, labels);
}

function showBondPort(
  metrics: Instruments<typeof METRICS>,
  { miiStatus, linkFailures }: BondPort,
  labels: { readonly device: string; readonly master: string },
): void {
  if (miiStatus !== undefined) metrics.bond_port_up.set(miiStatus === 'up' ? 1 : 0, labels);
  if (linkFailures !== undefined) metrics.bond_port_failures.set(linkFailures, labels);
}
