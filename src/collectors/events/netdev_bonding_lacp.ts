/** Ports of bonds that LACP takes out of service and back in, as rtnetlink tells. */
import { watchLinks } from '../../netlink/watch-links.ts';
import {
  type Collector,
  count,
  counter,
  defineEvent,
  flag,
  integer,
  keyword,
  lackOf,
  list,
  optional,
} from '../../sdk/index.ts';
import { BONDING, bondContent } from './netdev-bonding.ts';
import { FlapGuard } from './netdev-flapping.ts';
import { isCutOff, LacpPorts, type PortChange, without } from './netdev-lacp-ports.ts';

const collector: Collector = defineEvent({
  doc: 'Shows ports of bonds that stop to carry traffic, or start again, because of what LACP negotiates.',
  needs: BONDING,
  about: {
    question:
      'Which ports of bonds does LACP take out of service or back in, what are the states of both sides, and which aggregator has them?',
    reads: 'rtnetlink (RTM_NEWLINK, RTM_DELLINK), /proc/net/bonding',
    kernel: 'CONFIG_BONDING, also as a module that is loaded later',
    falsePositives:
      "A port that comes into service goes through the same states: severity info, and left out with all_changes: false. Not seen: bonds in other network namespaces than the agent's, or in other modes than 802.3ad",
  },
  options: {
    all_changes: flag(true, 'Whether to tell of every change of a state, not only of ports that are cut off'),
    max_events_per_minute: count(
      30,
      'Documents of one port in a minute; what it does beyond is counted, and told as one change when the minute is over. 0 is no limit',
    ),
  },
  metrics: {
    total: counter({ help: 'Ports of bonds that stopped collecting or distributing.' }),
    suppressed: counter({
      name: 'huatuo_netdev_bonding_suppressed_changes_total',
      help: 'Changes of ports that flapped, which were not told one by one.',
      labels: ['device'],
    }),
    losses: counter({
      name: 'huatuo_netdev_bonding_notification_losses_total',
      help: 'How often notifications of the kernel were lost, and all devices were read anew.',
    }),
  },
  document: {
    ifname: keyword('Name of the port'),
    index: integer('Its interface index'),
    bond: optional(keyword('Name of the bond')),
    lost: list(
      keyword(''),
      'States the port no longer has (IEEE 802.1AX): activity, timeout, aggregation, …',
    ),
    gained: list(keyword(''), 'States it has now and had not'),
    actor: list(keyword(''), 'All states it has'),
    partner_lost: list(keyword(''), 'States the other side no longer has'),
    partner_gained: list(keyword(''), 'States the other side has now and had not'),
    partner: list(keyword(''), 'All states the other side has'),
    aggregator_id: optional(integer('Aggregator the port belongs to')),
    previous_aggregator_id: optional(integer('The one before, where it has changed')),
    mii_status: optional(keyword('What link monitoring says of the port: up, fail, down, back')),
    link_failures: optional(integer('How often its link has failed since it joined the bond')),
    suppressed_changes: optional(integer('Changes before this one that were not told, because it flapped')),
    content: optional(keyword('/proc/net/bonding of the bond')),
  },
  async start({ netlink, clock, metrics, options, paths, signal, log, save }) {
    const lack = lackOf(BONDING, paths);
    if (lack) throw lack;
    const ports = new LacpPorts();
    const flaps = new FlapGuard<PortChange>({
      perMinute: options.max_events_per_minute,
      clock,
      merge: ({ before }, later) => ({ ...later, before }),
      heldBack: (device) => metrics.suppressed.add(1, { device }),
      async tell(change, suppressed) {
        const content = change.bond === undefined ? undefined : bondContent(paths, change.bond);
        const severity = isCutOff(change) ? 'warning' : 'info';
        try {
          await save({ severity, data: { ...documentOf(change, suppressed), content } });
        } catch (error) {
          // It is counted in the ledger; the next change is told all the same.
          if (!signal.aborted) log.warn('a change of a bond is not written', { error });
        }
      },
    });
    const changed = async (change: PortChange): Promise<void> => {
      if (isCutOff(change)) metrics.total.add(1);
      if (options.all_changes || isCutOff(change)) await flaps.offer(change.link.name, change);
    };
    for await (const news of watchLinks(netlink)) {
      if (news.type === 'gone') ports.gone(news.link);
      else if (news.type === 'present') {
        const change = ports.present(news.link);
        if (change) await changed(change);
      } else {
        if (news.lost) metrics.losses.add(1);
        for (const change of ports.all(news.links)) await changed(change);
      }
    }
  },
});
export default collector;

function documentOf({ link, bond, before, lacp }: PortChange, suppressed: number) {
  return {
    ifname: link.name,
    index: link.index,
    bond,
    lost: without(before.actor, lacp.actor),
    gained: without(lacp.actor, before.actor),
    actor: lacp.actor,
    partner_lost: without(before.partner, lacp.partner),
    partner_gained: without(lacp.partner, before.partner),
    partner: lacp.partner,
    aggregator_id: lacp.aggregatorId,
    previous_aggregator_id: before.aggregatorId === lacp.aggregatorId ? undefined : before.aggregatorId,
    mii_status: link.bond?.miiStatus,
    link_failures: link.bond?.linkFailures,
    suppressed_changes: suppressed || undefined,
  };
}
