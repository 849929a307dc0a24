/** The network devices of a namespace, from now on. */
import type { Netlink } from '../sdk/netlink.ts';
import { dump } from './dump.ts';
import { allLinks, type Link, type LinkMessage, linkMessage, RTM_GETLINK, RTNLGRP_LINK } from './link.ts';
import { messagesIn, NETLINK_ROUTE } from './message.ts';

export type LinkNews =
  /** All there are: first of all, and again when notifications were lost. What is not among them is gone. */
  { readonly type: 'all'; readonly links: readonly Link[]; readonly lost: boolean } | LinkMessage;

/**
 * Tells of all devices, then of each change, until the collector is stopped. It listens before it asks, so nothing is
 * missed; a change from between the two is told behind the answer that has it already. Each message has all of the device.
 * @throws SYSCALL_FAILED, SOURCE_UNREADABLE
 */
export async function* watchLinks(netlink: Netlink): AsyncGenerator<LinkNews, void> {
  await using subscription = await netlink.subscribe(NETLINK_ROUTE, [RTNLGRP_LINK]);
  yield { type: 'all', links: await readLinks(netlink), lost: false };
  for (;;) {
    const news = await subscription.next();
    if (!news) return;
    for (const message of news.datagrams.flatMap(messagesIn)) {
      const told = linkMessage(message);
      if (told) yield told;
    }
    if (news.lost) yield { type: 'all', links: await readLinks(netlink), lost: true };
  }
}

async function readLinks(netlink: Netlink): Promise<Link[]> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_ROUTE, request);
  const messages = await dump(exchange, RTM_GETLINK, allLinks());
  return messages.flatMap((message) => {
    const told = linkMessage(message);
    return told?.type === 'present' ? [told.link] : [];
  });
}
