/**
 * Network devices with what the kernel counts of them: IFLA_STATS64, which is `struct rtnl_link_stats64` of
 * include/uapi/linux/if_link.h, and the state of their link.
 */
import { viewOf } from '../bytes.ts';
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { Attributes } from './attributes.ts';
import { type BondPort, bondPort } from './bond.ts';
import { dump } from './dump.ts';
import {
  IFLA_CARRIER,
  IFLA_CARRIER_CHANGES,
  IFLA_IFNAME,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_OPERSTATE,
  operstateOf,
} from './link.ts';
import { NETLINK_ROUTE, type NetlinkMessage, truncated, u64At } from './message.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
/** `struct ifinfomsg`: u8 family, u8 padding, u16 type, s32 index, u32 flags, u32 changed flags. */
const HEAD_BYTES = 16;
const INDEX_OFFSET = 4;
const FLAGS_OFFSET = 8;
const IFF_UP = 0x1;
const IFLA_TXQLEN = 13;
const IFLA_STATS64 = 23;
const IFLA_CARRIER_UP_COUNT = 47;
const IFLA_CARRIER_DOWN_COUNT = 48;

/** In the order of the struct. */
const COUNTERS = [
  'rx_packets',
  'tx_packets',
  'rx_bytes',
  'tx_bytes',
  'rx_errors',
  'tx_errors',
  'rx_dropped',
  'tx_dropped',
  'multicast',
  'collisions',
  'rx_length_errors',
  'rx_over_errors',
  'rx_crc_errors',
  'rx_frame_errors',
  'rx_fifo_errors',
  'rx_missed_errors',
  'tx_aborted_errors',
  'tx_carrier_errors',
  'tx_fifo_errors',
  'tx_heartbeat_errors',
  'tx_window_errors',
  'rx_compressed',
  'tx_compressed',
] as const;
/** What later kernels have added. */
const LATER_COUNTERS = ['rx_nohandler', 'rx_otherhost_dropped'] as const;

export type LinkCounters = Readonly<
  Record<(typeof COUNTERS)[number], number> & Partial<Record<(typeof LATER_COUNTERS)[number], number>>
>;

export interface LinkStatistics {
  readonly index: number;
  readonly name: string;
  readonly counters: LinkCounters | undefined;
  /** Up by the administrator's will. */
  readonly isUp: boolean;
  readonly operstate: string | undefined;
  readonly carrier: boolean | undefined;
  readonly carrierChanges: number | undefined;
  readonly carrierUps: number | undefined;
  readonly carrierDowns: number | undefined;
  readonly mtu: number | undefined;
  /** Packets. */
  readonly transmitQueueLength: number | undefined;
  /** Index of the bond or bridge it belongs to. */
  readonly master: number | undefined;
  readonly bond: BondPort | undefined;
}

/**
 * All devices of the agent's network namespace, by one dump.
 * @param isWanted asked for each name before the rest is read
 * @throws SYSCALL_FAILED, SOURCE_UNREADABLE, and what `NetlinkRequests` say
 */
export async function readLinkStatistics(
  netlink: NetlinkRequests,
  isWanted: (device: string) => boolean,
): Promise<LinkStatistics[]> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_ROUTE, request);
  const messages = await dump(exchange, RTM_GETLINK, new Uint8Array(HEAD_BYTES));
  return messages.flatMap((message) => linkStatistics(message, isWanted) ?? []);
}

/**
 * @returns undefined for a message that is no device, and for one that is not wanted
 * @throws SOURCE_UNREADABLE
 */
export function linkStatistics(
  { type, payload }: NetlinkMessage,
  isWanted: (device: string) => boolean = () => true,
): LinkStatistics | undefined {
  if (type !== RTM_NEWLINK) return undefined;
  if (payload.byteLength < HEAD_BYTES) throw truncated('ifinfomsg', HEAD_BYTES, payload.byteLength);
  const attributes = new Attributes(payload, HEAD_BYTES);
  const name = attributes.text(IFLA_IFNAME);
  if (name === undefined || !isWanted(name)) return undefined;
  const head = viewOf(payload);
  const carrier = attributes.u8(IFLA_CARRIER);
  const info = attributes.nested(IFLA_LINKINFO);
  return {
    index: head.getInt32(INDEX_OFFSET, true),
    name,
    counters: countersIn(attributes),
    isUp: (head.getUint32(FLAGS_OFFSET, true) & IFF_UP) !== 0,
    operstate: operstateOf(attributes.u8(IFLA_OPERSTATE)),
    carrier: carrier === undefined ? undefined : carrier !== 0,
    carrierChanges: attributes.u32(IFLA_CARRIER_CHANGES),
    carrierUps: attributes.u32(IFLA_CARRIER_UP_COUNT),
    carrierDowns: attributes.u32(IFLA_CARRIER_DOWN_COUNT),
    mtu: attributes.u32(IFLA_MTU),
    transmitQueueLength: attributes.u32(IFLA_TXQLEN),
    master: attributes.u32(IFLA_MASTER),
    bond: info && bondPort(info),
  };
}

function countersIn(attributes: Attributes): LinkCounters | undefined {
  const view = attributes.struct(IFLA_STATS64, COUNTERS.length * 8);
  if (!view) return undefined;
  const all = [...COUNTERS, ...LATER_COUNTERS].slice(0, Math.floor(view.byteLength / 8));
  return Object.fromEntries(all.map((name, index) => [name, u64At(view, index * 8)])) as LinkCounters;
}
