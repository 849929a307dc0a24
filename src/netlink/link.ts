/**
 * Network devices as rtnetlink shows them. RTM_* and RTNLGRP_*: include/uapi/linux/rtnetlink.h; IFLA_* and IF_OPER_*:
 * include/uapi/linux/if_link.h and if.h. The head is `struct ifinfomsg`: u8 family, u8 padding, u16 type, s32 index, u32
 * flags, u32 changed flags.
 */
import { viewOf } from '../bytes.ts';
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { Attributes, u32Attribute } from './attributes.ts';
import { type BondPort, bondPort } from './bond.ts';
import { dump } from './dump.ts';
import { NETLINK_ROUTE, type NetlinkMessage, truncated } from './message.ts';

const HEAD_BYTES = 16;
const INDEX_OFFSET = 4;
const FLAGS_OFFSET = 8;

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTNLGRP_LINK = 1;

/** A bridge tells of its ports in messages of its own family, which say neither that a device came nor that it went. */
const AF_UNSPEC = 0;
const IFF_UP = 0x1;

const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_MASTER = 10;
const IFLA_WIRELESS = 11;
export const IFLA_OPERSTATE = 16;
export const IFLA_LINKINFO = 18;
const IFLA_EXT_MASK = 29;
export const IFLA_CARRIER = 33;
export const IFLA_CARRIER_CHANGES = 35;
const IFLA_NEW_IFINDEX = 49;
const IFLA_INFO_KIND = 1;
const RTEXT_FILTER_SKIP_STATS = 8;

/** By number: IF_OPER_* of include/uapi/linux/if.h (RFC 2863). */
const OPERATIONAL_STATES = [
  'unknown',
  'notpresent',
  'down',
  'lowerlayerdown',
  'testing',
  'dormant',
  'up',
] as const;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Up by the administrator's will. */
  readonly up: boolean;
  /** Undefined where the kernel does not say. */
  readonly carrier: boolean | undefined;
  /** How often the carrier came or went since the device was made; more than was told of when it did so fast. */
  readonly carrierChanges: number | undefined;
  readonly operstate: string | undefined;
  readonly mtu: number | undefined;
  readonly mac: string | undefined;
  /** `veth`, `bond`; undefined for hardware. */
  readonly kind: string | undefined;
  /** Index of the bond or bridge it belongs to. */
  readonly master: number | undefined;
  readonly bond: BondPort | undefined;
}

export type LinkMessage =
  | { readonly type: 'present'; readonly link: Link }
  /** `moved`: to another network namespace. */
  | { readonly type: 'gone'; readonly link: Link; readonly moved: boolean };

/** Payload of a RTM_GETLINK dump: every device, without statistics. */
export function allLinks(): Uint8Array {
  const mask = u32Attribute(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  const payload = new Uint8Array(HEAD_BYTES + mask.byteLength);
  payload.set(mask, HEAD_BYTES);
  return payload;
}

/**
 * @returns undefined for a message that is not about a device as such
 * @throws SOURCE_UNREADABLE when it is cut off or an attribute has a wrong size
 */
export function linkMessage({ type, payload }: NetlinkMessage): LinkMessage | undefined {
  if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return undefined;
  if (payload.byteLength < HEAD_BYTES) throw truncated('ifinfomsg', HEAD_BYTES, payload.byteLength);
  if (payload[0] !== AF_UNSPEC) return undefined;
  const attributes = new Attributes(payload, HEAD_BYTES);
  // An event of wireless extensions, which has the name of the device and nothing else of it.
  if (attributes.has(IFLA_WIRELESS)) return undefined;
  const link = linkOf(viewOf(payload), attributes);
  if (type === RTM_NEWLINK) return { type: 'present', link };
  return { type: 'gone', link, moved: attributes.has(IFLA_NEW_IFINDEX) };
}

function linkOf(head: DataView, attributes: Attributes): Link {
  const carrier = attributes.u8(IFLA_CARRIER);
  const info = attributes.nested(IFLA_LINKINFO);
  return {
    index: head.getInt32(INDEX_OFFSET, true),
    name: attributes.text(IFLA_IFNAME) ?? '',
    up: (head.getUint32(FLAGS_OFFSET, true) & IFF_UP) !== 0,
    carrier: carrier === undefined ? undefined : carrier !== 0,
    carrierChanges: attributes.u32(IFLA_CARRIER_CHANGES),
    operstate: operstateOf(attributes.u8(IFLA_OPERSTATE)),
    mtu: attributes.u32(IFLA_MTU),
    mac: attributes.address(IFLA_ADDRESS),
    kind: info?.text(IFLA_INFO_KIND),
    master: attributes.u32(IFLA_MASTER),
    bond: info && bondPort(info),
  };
}

/** Names of the devices of the agent's network namespace, by index. @throws SYSCALL_FAILED, SOURCE_UNREADABLE */
export async function readLinkNames(netlink: NetlinkRequests): Promise<Map<number, string>> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_ROUTE, request);
  const names = new Map<number, string>();
  for (const message of await dump(exchange, RTM_GETLINK, allLinks())) {
    const told = linkMessage(message);
    if (told) names.set(told.link.index, told.link.name);
  }
  return names;
}

/** RFC 2863's name, undefined for a number that is not known. */
export function operstateOf(number: number | undefined): string | undefined {
  return OPERATIONAL_STATES[number ?? -1];
}
