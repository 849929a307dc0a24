/**
 * Packets that network cards dropped by themselves: `rx-hw-drops` of drivers that tell the kernel so (Linux 6.10), else
 * `rx_missed_errors`, which are those that the host did not fetch in time (struct rtnl_link_stats64). What a driver tells in neither
 * place is in `netdev_ethtool`.
 */
import { readLinkStatistics } from '../../netlink/link-statistics.ts';
import { readHardwareDrops } from '../../netlink/queue-statistics.ts';
import { isInHostNetwork } from '../../procfs/network.ts';
import { hardwareDevices } from '../../procfs/network-hardware.ts';
import { type Collector, counter, defineMetric, nameFilter } from '../../sdk/index.ts';
import { DEVICE_OPTIONS } from './network-devices.ts';

/** Drivers that fill in rx_missed_errors. Of another one 0 may mean that it does not count, so it is shown once it is more. */
const COUNTING: ReadonlySet<string> = new Set([
  'bnxt_en',
  'e1000e',
  'i40e',
  'ice',
  'igb',
  'igc',
  'ixgbe',
  'mlx5_core',
]);

const collector: Collector = defineMetric({
  doc: 'Shows how many packets network cards dropped by themselves, such as for want of buffers.',
  about: {
    question:
      'How many packets did network cards drop by themselves, such as because the host did not fetch them in time?',
    reads:
      'generic netlink (netdev: rx-hw-drops), rtnetlink (IFLA_STATS64: rx_missed_errors), /sys/class/net/<device>/device/driver',
    kernel: 'any; 6.10 for rx-hw-drops',
    falsePositives:
      'Only what drivers put there: where they tell rx-hw-drops, with what filters of the card dropped. Of drivers that are not known to fill in rx_missed_errors, a card is shown once it is more than 0. Of more than 256 cards the first by name are shown',
  },
  // Where drivers tell no more, receive_missed_errors of netdev has the same number.
  enabledByDefault: false,
  options: DEVICE_OPTIONS,
  metrics: {
    rx_dropped: counter({
      name: 'huatuo_bamai_netdev_hw_rx_dropped_total',
      help: 'Packets that the card dropped, as its driver tells the kernel: rx-hw-drops, else rx_missed_errors.',
      labels: ['device', 'driver'],
    }),
  },
  async update({ log, metrics, netlink, options, paths }) {
    if (!isInHostNetwork(paths.procfs)) return;
    const cards = hardwareDevices(paths.sysfs, nameFilter(options), log);
    const drivers = new Map(cards.map(({ device, driver }) => [device, driver]));
    if (drivers.size === 0) return;
    const drops = await readHardwareDrops(netlink);
    for (const link of await readLinkStatistics(netlink, (device) => drivers.has(device))) {
      const { name: device, counters } = link;
      const [driver = '', missed] = [drivers.get(device), counters?.rx_missed_errors];
      const said = missed !== undefined && (missed > 0 || COUNTING.has(driver)) ? missed : undefined;
      const dropped = drops?.get(link.index) ?? said;
      if (dropped !== undefined) metrics.rx_dropped.set(dropped, { device, driver });
    }
  },
});
export default collector;
