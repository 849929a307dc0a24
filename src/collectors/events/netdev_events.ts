/** Network devices that come, go and change, as rtnetlink tells. */
import type { Link } from '../../netlink/link.ts';
import { watchLinks } from '../../netlink/watch-links.ts';
import {
  boolean,
  type Collector,
  count,
  counter,
  defineEvent,
  flag,
  integer,
  keyword,
  list,
  optional,
  pattern,
} from '../../sdk/index.ts';
import { isLinkStatus, severityOf } from './netdev-changes.ts';
import { type DeviceChange, DeviceHistory } from './netdev-history.ts';
import { deviceFilter } from './netdev-names.ts';

const DRIVER_LABELS = ['device', 'driver', 'driver_version', 'firmware_version'] as const;

const collector: Collector = defineEvent({
  doc: 'Shows network devices that go up or down, lose their carrier, come, go, or are changed.',
  about: {
    question:
      'Which network devices go up or down, lose their carrier, come, go, are renamed or changed, with which driver and firmware? What flaps is told within a budget',
    reads: 'rtnetlink (RTM_NEWLINK, RTM_DELLINK), ethtool',
    kernel: 'any; some fields only where it sends them',
    falsePositives:
      "What an operator does on purpose looks like what happened: adminup, admindown, mtu, renamed. Devices of containers come and go with them, and are left out by their names (exclude). Not seen: other network namespaces than the agent's, and a change that is undone before the devices are read again after a lost notification",
  },
  options: {
    include: list(
      pattern('', ''),
      'Devices to watch, as regular expressions over the whole name; empty is all',
      {
        max: 64,
      },
    ),
    exclude: list(
      pattern('', ''),
      'Devices to leave out, likewise: those of containers and virtual machines',
      {
        default: ['veth.*', 'cali.*', 'lxc.*', 'tap.*', 'vnet.*'],
        max: 64,
      },
    ),
    max_events_per_minute: count(
      30,
      'Documents of one device in a minute; what it does beyond is counted, and told as one change when the minute is over. 0 is no limit',
    ),
    report_start: flag(false, 'Whether each device is told of when the agent starts'),
  },
  metrics: {
    linkstatus_unknown_total: counter({
      help: 'Changes of devices after which the kernel did not say whether they have a carrier.',
      labels: DRIVER_LABELS,
    }),
    linkstatus_adminup_total: counter({ help: 'Devices that were set up.', labels: DRIVER_LABELS }),
    linkstatus_admindown_total: counter({ help: 'Devices that were set down.', labels: DRIVER_LABELS }),
    linkstatus_carrierup_total: counter({ help: 'Devices that got a carrier.', labels: DRIVER_LABELS }),
    linkstatus_carrierdown_total: counter({
      help: 'Devices that lost their carrier.',
      labels: DRIVER_LABELS,
    }),
    changes: counter({
      name: 'huatuo_netdev_changes_total',
      help: 'Changes of network devices by kind.',
      labels: ['device', 'change'],
    }),
    suppressed: counter({
      name: 'huatuo_netdev_suppressed_changes_total',
      help: 'Changes of devices that flapped, which were not told one by one.',
      labels: ['device'],
    }),
    losses: counter({
      name: 'huatuo_netdev_notification_losses_total',
      help: 'How often notifications of the kernel were lost, and all devices were read anew.',
    }),
    overflows: counter({
      name: 'huatuo_netdev_untracked_changes_total',
      help: 'Changes of devices that were not looked at because too many devices are watched.',
    }),
  },
  document: {
    ifname: keyword('Name of the device'),
    index: integer('Its interface index'),
    changes: list(
      keyword(''),
      'adminup, admindown, carrierup, carrierdown, unknown, added, removed, moved, renamed, mtu, address, master, flapping; moved is to another network namespace',
    ),
    linkstatus: optional(
      keyword('Those of them that are states of the link, as linkstatus_…, joined by a comma'),
    ),
    start: boolean(
      'True when it was found by reading all devices, at the start or after lost notifications: the time is that of reading',
    ),
    mac: optional(keyword('Hardware address')),
    mtu: optional(integer('Largest packet in bytes')),
    operstate: optional(keyword('Operational state (RFC 2863): up, down, lowerlayerdown, dormant, …')),
    kind: optional(keyword('Kind of a virtual device: bond, bridge, vlan, …')),
    previous_ifname: optional(keyword('Name before, of one that was renamed')),
    previous_mac: optional(keyword('Hardware address before')),
    previous_mtu: optional(integer('Largest packet before, in bytes')),
    carrier_changes: optional(integer('How often the carrier came or went since the device was made')),
    driver: optional(keyword('Driver, as ethtool -i shows it')),
    driver_version: optional(keyword('Its version')),
    firmware_version: optional(keyword('Version of the firmware')),
    bus: optional(keyword('Where it is, such as a PCI address')),
    suppressed_changes: optional(integer('Changes before this one that were not told, because it flapped')),
  },
  async start({ netlink, clock, state, metrics, options, signal, log, save }) {
    const history = new DeviceHistory({
      netlink,
      clock,
      state,
      isWatched: deviceFilter(options.include, options.exclude),
      reportStart: options.report_start,
      maxPerMinute: options.max_events_per_minute,
      happened({ link, changes, driver }) {
        const labels = {
          device: link.name,
          driver: driver?.driver ?? '',
          driver_version: driver?.version ?? '',
          firmware_version: driver?.firmwareVersion ?? '',
        };
        for (const change of changes) {
          metrics.changes.add(1, { device: link.name, change });
          if (isLinkStatus(change)) metrics[`linkstatus_${change}_total`].add(1, labels);
        }
      },
      heldBack: (device) => metrics.suppressed.add(1, { device }),
      untracked: () => metrics.overflows.add(1),
      async tell(change, suppressed) {
        const { changes, link } = change;
        try {
          await save({ severity: severityOf(changes, link), data: documentOf(change, suppressed) });
        } catch (error) {
          // It is counted in the ledger; the next change is told all the same.
          if (!signal.aborted) log.warn('a change of a network device is not written', { error });
        }
      },
    });
    for await (const news of watchLinks(netlink)) {
      if (news.type === 'present') await history.present(news.link);
      else if (news.type === 'gone') await history.gone(news.link, news.moved);
      else {
        if (news.lost) metrics.losses.add(1);
        await history.all(news.links);
      }
    }
    await history.ended();
  },
});
export default collector;

function documentOf({ link, before, changes, start, driver }: DeviceChange, suppressed: number) {
  const statuses = changes.filter(isLinkStatus);
  const was = <Key extends 'name' | 'mac' | 'mtu'>(key: Key): Link[Key] | undefined =>
    before?.[key] === link[key] ? undefined : before?.[key];
  return {
    ifname: link.name,
    index: link.index,
    changes,
    linkstatus: statuses.length > 0 ? statuses.map((status) => `linkstatus_${status}`).join(',') : undefined,
    start,
    mac: link.mac,
    mtu: link.mtu,
    operstate: link.operstate,
    kind: link.kind,
    previous_ifname: was('name'),
    previous_mac: was('mac'),
    previous_mtu: was('mtu'),
    carrier_changes: link.carrierChanges,
    driver: driver?.driver || undefined,
    driver_version: driver?.version || undefined,
    firmware_version: driver?.firmwareVersion || undefined,
    bus: driver?.bus || undefined,
    suppressed_changes: suppressed || undefined,
  };
}
