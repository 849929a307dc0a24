/**
 * What network devices drop by themselves: the generic netlink family `netdev`, NETDEV_CMD_QSTATS_GET of
 * include/uapi/linux/netdev.h (Documentation/netlink/specs/netdev.yaml), filled by netdev_nl_stats_by_netdev() in
 * net/core/netdev-genl.c. Drivers leave out what they do not count. Linux 6.10.
 */
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { Attributes, textAttribute } from './attributes.ts';
import { ask, dump, ifSupported } from './dump.ts';
import { truncated } from './message.ts';

/** include/uapi/linux/netlink.h, genetlink.h */
const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
/** `struct genlmsghdr`: u8 command, u8 version, u16 reserved. */
const HEAD_BYTES = 4;

const FAMILY = 'netdev';
const NETDEV_CMD_QSTATS_GET = 12;
const NETDEV_A_QSTATS_IFINDEX = 1;
const NETDEV_A_QSTATS_RX_HW_DROPS = 13;

/**
 * Packets that entered a device and never left it, by the index of the device; for want of buffers, by errors, or by its filters.
 * @returns without devices whose driver does not say; undefined when the kernel has no such statistics
 * @throws SYSCALL_FAILED, SOURCE_UNREADABLE, and what `NetlinkRequests` say
 */
export async function readHardwareDrops(netlink: NetlinkRequests): Promise<Map<number, number> | undefined> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_GENERIC, request);
  const name = textAttribute(CTRL_ATTR_FAMILY_NAME, FAMILY);
  const wanted = Buffer.concat([Uint8Array.of(CTRL_CMD_GETFAMILY, 1, 0, 0), name]);
  const answer = await ifSupported(ask(exchange, GENL_ID_CTRL, wanted));
  const family = answer && attributesOf(answer.payload).u16(CTRL_ATTR_FAMILY_ID);
  if (family === undefined) return undefined;
  const request = Uint8Array.of(NETDEV_CMD_QSTATS_GET, 1, 0, 0);
  const messages = await ifSupported(dump(exchange, family, request));
  return messages && new Map(messages.flatMap(({ payload }) => dropsIn(payload)));
}

/** @returns one element, or none @throws SOURCE_UNREADABLE */
function dropsIn(payload: Uint8Array): [device: number, drops: number][] {
  const attributes = attributesOf(payload);
  const device = attributes.u32(NETDEV_A_QSTATS_IFINDEX);
  const drops = attributes.uint(NETDEV_A_QSTATS_RX_HW_DROPS);
  return device === undefined || drops === undefined ? [] : [[device, drops]];
}

function attributesOf(payload: Uint8Array): Attributes {
  if (payload.byteLength < HEAD_BYTES) throw truncated('genlmsghdr', HEAD_BYTES, payload.byteLength);
  return new Attributes(payload, HEAD_BYTES);
}
