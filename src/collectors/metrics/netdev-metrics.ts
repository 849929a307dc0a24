/** What `netdev` shows. */
import type { NetDevColumn } from '../../procfs/net-dev.ts';
import { CONTAINER_LABELS, counter, gauge } from '../../sdk/index.ts';
import { counters } from './network-devices.ts';

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
export const DETAILS = {
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
    help: '1 when the device can carry traffic (operational state up), else 0; absent when its driver does not tell.',
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
  bond_port_up: gauge({
    name: 'huatuo_netdev_bond_port_up',
    help: '1 when the bond takes the link of the port for up, else 0.',
    labels: ['device', 'master'],
  }),
  bond_port_failures: counter({
    name: 'huatuo_netdev_bond_port_link_failures_total',
    help: 'How often the link of the port failed since it joined the bond.',
    labels: ['device', 'master'],
  }),
  transmit_queue_length: gauge({
    name: 'huatuo_netdev_transmit_queue_length',
    help: 'Packets that may wait to be sent.',
    labels: ['device'],
  }),
};

export const METRICS = {
  ...counters(BASIC, ['device']),
  ...counters(DETAILS, ['device']),
  ...counters(BASIC, [...CONTAINER_LABELS, 'device'], 'container_'),
  ...LINK,
};
