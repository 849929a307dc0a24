/**
 * What drivers of network cards count, by names of their own (`ethtool -S`): drops of queues, pause frames, errors of the optics.
 * Off by default: names and meaning are the driver's, there may be thousands, and to tell them it may have to ask the card.
 */
import { isInHostNetwork } from '../../procfs/network.ts';
import { hardwareDevices } from '../../procfs/network-hardware.ts';
import { type Collector, counter, defineMetric, nameFilter, pattern } from '../../sdk/index.ts';
import { namePart } from '../../sdk/name-labels.ts';
import { DEVICE_OPTIONS } from './network-devices.ts';

/** What is worth a look on most cards, without a series for each queue. */
const TROUBLE = '.*(drop|discard|error|err|crc|pause|missed|timeout|out_of_buffer|no_buf).*';

const collector: Collector = defineMetric({
  doc: 'Shows what drivers of network cards count (ethtool -S), by names of their own.',
  about: {
    question: 'What do the drivers of network cards count beside what the kernel defines?',
    reads: 'SIOCETHTOOL (ETHTOOL_GSTATS)',
    kernel: 'any',
    falsePositives:
      'Names and meaning are the driver’s; some levels are among its counters. A driver may take long to ask its card; one that does not answer in time costs its own series. Of more than 256 cards the first by name are asked',
  },
  enabledByDefault: false,
  options: {
    ...DEVICE_OPTIONS,
    counter_include: pattern(TROUBLE, 'Counters to show; empty for all'),
    counter_exclude: pattern('', 'Counters to leave out, such as .*queue.*; empty for none'),
  },
  metrics: {
    stat: counter({
      name: 'huatuo_netdev_ethtool_{stat}_total',
      labels: ['stat', 'device', 'driver'],
      help: '{stat} of a network card, as its driver counts it.',
    }),
  },
  async update({ log, metrics, netlink, options, paths }) {
    if (!isInHostNetwork(paths.procfs)) return;
    const { counter_include: include, counter_exclude: exclude } = options;
    const isWanted = nameFilter({ include, exclude });
    for (const { device, driver } of hardwareDevices(paths.sysfs, nameFilter(options), log)) {
      try {
        for (const { name, value } of (await netlink.driverCounters(device)) ?? []) {
          const stat = namePart(name.trim());
          if (stat !== '' && isWanted(stat)) metrics.stat.set(value, { stat, device, driver });
        }
      } catch (error) {
        log.warn('a driver does not tell its counters', { device, driver, error });
      }
    }
  },
});
export default collector;
