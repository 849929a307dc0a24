/**
 * Queueing disciplines: `struct tcmsg` and TCA_* of include/uapi/linux/rtnetlink.h, counters of include/uapi/linux/gen_stats.h,
 * filled by tc_fill_qdisc() in net/sched/sch_api.c.
 */
import { viewOf } from '../bytes.ts';
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { Attributes } from './attributes.ts';
import { dump } from './dump.ts';
import { NETLINK_ROUTE, type NetlinkMessage, truncated, u64At } from './message.ts';

const RTM_NEWQDISC = 36;
const RTM_GETQDISC = 38;
/** u8 family, 3 bytes of padding, s32 device, u32 handle, u32 parent, u32 info. */
const HEAD_BYTES = 20;
const DEVICE_OFFSET = 4;
const PARENT_OFFSET = 12;

const TCA_KIND = 1;
const TCA_STATS2 = 7;
const TCA_STATS_BASIC = 1;
const TCA_STATS_QUEUE = 3;
const TCA_STATS_PKT64 = 8;
/** `struct gnet_stats_basic`: u64 bytes, u32 packets. */
const BASIC_BYTES = 12;
/** `struct gnet_stats_queue`: u32 length, backlog, drops, requeues, overlimits. */
const QUEUE_BYTES = 20;

/** include/uapi/linux/pkt_sched.h */
const TC_H_ROOT = 0xffffffff;
const TC_H_INGRESS = 0xfffffff1;

export interface Qdisc {
  /** Index of its device. */
  readonly device: number;
  readonly kind: string;
  /** `inner` for one below another, whose counters are in those of the root as well. */
  readonly place: 'root' | 'ingress' | 'inner';
  readonly bytes: number;
  readonly packets: number;
  /** Each 32 bits in the kernel. */
  readonly drops: number;
  readonly requeues: number;
  readonly overlimits: number;
  /** Packets that wait. */
  readonly queueLength: number;
  /** Bytes that wait. */
  readonly backlog: number;
}

/** All of the agent's network namespace. @throws SYSCALL_FAILED, SOURCE_UNREADABLE, and what `NetlinkRequests` say */
export async function readQdiscs(netlink: NetlinkRequests): Promise<Qdisc[]> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_ROUTE, request);
  const messages = await dump(exchange, RTM_GETQDISC, new Uint8Array(HEAD_BYTES));
  return messages.flatMap((message) => qdiscIn(message) ?? []);
}

/** @returns undefined for another message, and for one without counters @throws SOURCE_UNREADABLE */
export function qdiscIn({ type, payload }: NetlinkMessage): Qdisc | undefined {
  if (type !== RTM_NEWQDISC) return undefined;
  if (payload.byteLength < HEAD_BYTES) throw truncated('tcmsg', HEAD_BYTES, payload.byteLength);
  const attributes = new Attributes(payload, HEAD_BYTES);
  const statistics = attributes.nested(TCA_STATS2);
  const basic = statistics?.struct(TCA_STATS_BASIC, BASIC_BYTES);
  const queue = statistics?.struct(TCA_STATS_QUEUE, QUEUE_BYTES);
  const kind = attributes.text(TCA_KIND);
  if (kind === undefined || !basic || !queue) return undefined;
  const head = viewOf(payload);
  return {
    device: head.getInt32(DEVICE_OFFSET, true),
    kind,
    place: placeOf(head.getUint32(PARENT_OFFSET, true)),
    bytes: u64At(basic, 0),
    packets: statistics?.u64(TCA_STATS_PKT64) ?? basic.getUint32(8, true),
    queueLength: queue.getUint32(0, true),
    backlog: queue.getUint32(4, true),
    drops: queue.getUint32(8, true),
    requeues: queue.getUint32(12, true),
    overlimits: queue.getUint32(16, true),
  };
}

function placeOf(parent: number): Qdisc['place'] {
  if (parent === TC_H_ROOT) return 'root';
  return parent === TC_H_INGRESS ? 'ingress' : 'inner';
}
