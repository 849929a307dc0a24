/**
 * Packets that network cards dropped because the host did not fetch them in time: `rx_missed_errors`, the place that the kernel has
 * for it (struct rtnl_link_stats64). Drivers for which it is somewhere else only tell in `netdev_ethtool`.
 */
import { readLinkStatistics } from '../../netlink/link-statistics.ts';
import { isInHostNetwork } from '../../procfs/network.ts';
import { hardwareDevices } from '../../procfs/network-hardware.ts';
import { type Collector, counter, defineMetric, nameFilter } from '../../sdk/index.ts';
import { DEVICE_OPTIONS } from './network-devices.ts';

/** Drivers that fill it in. Of another one 0 may mean that it does not count, so it is shown once it is more. */
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
  doc: 'Shows how many packets network cards dropped for want of buffers.',
  about: {
    question: 'How many packets did network cards drop because the host did not fetch them in time?',
    reads: 'rtnetlink (IFLA_STATS64: rx_missed_errors), /sys/class/net/<device>/device/driver',
    kernel: 'any',
    falsePositives:
      'Only what drivers put there. Of drivers that are not known to fill it in, a card is shown once it is more than 0',
  },
  // receive_missed_errors of netdev has the same number, without the driver.
  enabledByDefault: false,
  options: DEVICE_OPTIONS,
  metrics: {
    rx_dropped: counter({
      name: 'huatuo_bamai_netdev_hw_rx_dropped_total',
      help: 'Packets that the card dropped for want of buffers, as far as its driver says so in rx_missed_errors.',
      labels: ['device', 'driver'],
    }),
  },
  async update({ metrics, netlink, options, paths }) {
    if (!isInHostNetwork(paths.procfs)) return;
    const cards = hardwareDevices(paths.sysfs, nameFilter(options));
    const drivers = new Map(cards.map(({ device, driver }) => [device, driver]));
    if (drivers.size === 0) return;
    for (const { name, counters } of await readLinkStatistics(netlink, (device) => drivers.has(device))) {
      const [driver = '', missed = 0] = [drivers.get(name), counters?.rx_missed_errors];
      if (counters && (missed > 0 || COUNTING.has(driver)))
        metrics.rx_dropped.set(missed, { device: name, driver });
    }
  },
});
export default collector;
