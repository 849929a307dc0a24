/**
 * Priority flow control of Data Center Bridging (IEEE 802.1Qbb): `struct dcbmsg`, DCB_* and `struct ieee_pfc` of
 * include/uapi/linux/dcbnl.h; dcbnl_ieee_get() in net/dcb/dcbnl.c.
 */
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { Attributes, textAttribute } from './attributes.ts';
import { ask, ifSupported } from './dump.ts';
import { NETLINK_ROUTE, truncated, u64At } from './message.ts';

const RTM_GETDCB = 78;
/** u8 family, u8 command, u16 padding. */
const HEAD_BYTES = 4;
const COMMAND_OFFSET = 1;
const DCB_CMD_IEEE_GET = 21;
const DCB_ATTR_IFNAME = 1;
const DCB_ATTR_IEEE = 13;
const DCB_ATTR_IEEE_PFC = 2;

/** `struct ieee_pfc`: u8 capability, enabled, mbc, u16 delay, then u64 for each priority: frames sent, frames received. */
const PFC_BYTES = 136;
const SENT_OFFSET = 8;
const RECEIVED_OFFSET = 72;
const PRIORITIES = 8;

/** Frames by priority, 0 to 7. */
export interface PfcCounters {
  readonly sent: readonly number[];
  readonly received: readonly number[];
}

/**
 * @returns undefined when kernel, driver or device have no PFC
 * @throws SYSCALL_FAILED, SOURCE_UNREADABLE, and what `NetlinkRequests` say
 */
export async function readPfc(netlink: NetlinkRequests, device: string): Promise<PfcCounters | undefined> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_ROUTE, request);
  const head = new Uint8Array(HEAD_BYTES);
  head[COMMAND_OFFSET] = DCB_CMD_IEEE_GET;
  const payload = Buffer.concat([head, textAttribute(DCB_ATTR_IFNAME, device)]);
  const answer = await ifSupported(ask(exchange, RTM_GETDCB, payload));
  return answer && pfcIn(answer.payload);
}

/** @returns undefined for an answer without PFC @throws SOURCE_UNREADABLE */
export function pfcIn(payload: Uint8Array): PfcCounters | undefined {
  if (payload.byteLength < HEAD_BYTES) throw truncated('dcbmsg', HEAD_BYTES, payload.byteLength);
  const pfc = new Attributes(payload, HEAD_BYTES).nested(DCB_ATTR_IEEE)?.struct(DCB_ATTR_IEEE_PFC, PFC_BYTES);
  if (!pfc) return undefined;
  const from = (offset: number): number[] =>
    Array.from({ length: PRIORITIES }, (_, priority) => u64At(pfc, offset + priority * 8));
  return { sent: from(SENT_OFFSET), received: from(RECEIVED_OFFSET) };
}
