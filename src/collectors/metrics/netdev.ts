/**
 * Traffic, errors and the link of network devices. The host's by one dump of rtnetlink, which has more than /proc/net/dev and the
 * state of the link; those of containers by /proc/<pid>/net/dev.
 */
import { join } from 'node:path';
import { type LinkCounters, type LinkStatistics, readLinkStatistics } from '../../netlink/link-statistics.ts';
import { linkSpeed } from '../../procfs/link-speed.ts';
import {
  NET_DEV_COLUMNS,
  type NetDevColumn,
  type NetDevCounters,
  parseNetDev,
} from '../../procfs/net-dev.ts';
import { hostNetwork, isInHostNetwork, perContainerNetwork } from '../../procfs/network.ts';
import { readSource } from '../../procfs/source.ts';
import {
  CONTAINER_LABELS,
  type Collector,
  counter,
  defineMetric,
  gauge,
  type Instruments,
  nameFilter,
} from '../../sdk/index.ts';
import { counters, DEVICE_OPTIONS } from './network-devices.ts';

/** What /proc/net/dev shows, for host and containers. */
const BASIC: Readonly<Record<NetDevColumn, string>> = {
  receive_bytes: 'Bytes received.',
  receive_packets: 'Packets received.',
  receive_errors: 'Packets received with an error.',
  receive_dropped: 'Packets received and dropped, by the device for want of buffers or by the kernel.',
  receive_fifo: 'Overruns of the receive FIFO.',
  receive_frame: 'Packets received with a wrong length, checksum or alignment, or that overran.',
  receive_compressed: 'Compressed packets received.',
  receive_multicast: 'Multicast packets received.',
  transmit_bytes: 'Bytes sent.',
  transmit_packets: 'Packets sent.',
  transmit_errors: 'Packets that could not be sent.',
  transmit_dropped: 'Packets dropped before they were sent.',
  transmit_fifo: 'Underruns of the send FIFO.',
  transmit_colls: 'Collisions.',
  transmit_carrier: 'Packets lost for want of a carrier, aborted, late, or without a heartbeat.',
  transmit_compressed: 'Compressed packets sent.',
};

/** What only rtnetlink tells. */
const DETAILS = {
  multicast: 'Multicast packets received.',
  collisions: 'Collisions.',
  receive_length_errors: 'Packets received with a wrong length.',
  receive_over_errors: 'Packets received that overran the device.',
  receive_crc_errors: 'Packets received with a wrong checksum.',
  receive_frame_errors: 'Packets received with a wrong alignment.',
  receive_fifo_errors: 'Overruns of the receive FIFO.',
  receive_missed_errors: 'Packets the device dropped for want of buffers: the host did not keep up.',
  transmit_aborted_errors: 'Packets whose sending was aborted.',
  transmit_carrier_errors: 'Packets lost for want of a carrier.',
  transmit_fifo_errors: 'Underruns of the send FIFO.',
  transmit_heartbeat_errors: 'Heartbeat errors of half-duplex links.',
  transmit_window_errors: 'Late collisions.',
  receive_nohandler:
    'Packets dropped because nothing takes them on an inactive device, such as the second port of a bond.',
  receive_otherhost_dropped: 'Packets dropped because they were for another host.',
} as const;

const LINK = {
  up: gauge({
    name: 'huatuo_netdev_up',
    help: '1 when the device can carry traffic (operational state up), else 0.',
    labels: ['device'],
  }),
  info: gauge({
    name: 'huatuo_netdev_info',
    help: 'Always 1; adminstate is what was asked for, operstate what the link is in (RFC 2863).',
    labels: ['device', 'adminstate', 'operstate'],
  }),
  carrier: gauge({
    name: 'huatuo_netdev_carrier',
    help: '1 when the device has a carrier, else 0.',
    labels: ['device'],
  }),
  carrier_changes: counter({
    name: 'huatuo_netdev_carrier_changes_total',
    help: 'How often the carrier came or went.',
    labels: ['device'],
  }),
  carrier_ups: counter({
    name: 'huatuo_netdev_carrier_up_changes_total',
    help: 'How often the carrier came.',
    labels: ['device'],
  }),
  carrier_downs: counter({
    name: 'huatuo_netdev_carrier_down_changes_total',
    help: 'How often the carrier went.',
    labels: ['device'],
  }),
  mtu: gauge({ name: 'huatuo_netdev_mtu_bytes', help: 'Largest packet.', labels: ['device'] }),
  speed: gauge({
    name: 'huatuo_netdev_speed_bytes',
    help: 'Speed of the link, in bytes per second; of devices that are up and know it.',
    labels: ['device'],
  }),
  transmit_queue_length: gauge({
    name: 'huatuo_netdev_transmit_queue_length',
    help: 'Packets that may wait to be sent.',
    labels: ['device'],
  }),
};

const METRICS = {
  ...counters(BASIC, ['device']),
  ...counters(DETAILS, ['device']),
  ...counters(BASIC, [...CONTAINER_LABELS, 'device'], 'container_'),
  ...LINK,
};

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
      for (const link of await readLinkStatistics(netlink, isWanted)) showLink(metrics, link, paths.sysfs);
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
export function netDevCounters(link: LinkCounters): NetDevCounters {
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
  metrics.up.set(operstate === 'up' ? 1 : 0, labels);
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
