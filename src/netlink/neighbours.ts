/** Neighbours, ARP's and IPv6's: `struct ndmsg` and NUD_* of include/uapi/linux/neighbour.h. */
import { viewOf } from '../bytes.ts';
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { dump } from './dump.ts';
import { NETLINK_ROUTE, truncated } from './message.ts';

const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
/** u8 family, 3 bytes of padding, s32 device, u16 state, u8 flags, u8 type. */
const HEAD_BYTES = 12;
const STATE_OFFSET = 8;

/** By number, of include/linux/socket.h. */
const FAMILIES: ReadonlyMap<number, NeighbourFamily> = new Map([
  [2, 'ipv4'],
  [10, 'ipv6'],
]);

/** By bit. */
const STATES = [
  'incomplete',
  'reachable',
  'stale',
  'delay',
  'probe',
  'failed',
  'noarp',
  'permanent',
] as const;

export type NeighbourFamily = 'ipv4' | 'ipv6';

export interface NeighbourCount {
  readonly family: NeighbourFamily;
  readonly state: (typeof STATES)[number] | 'none';
  readonly entries: number;
}

/** Those of the agent's network namespace. @throws SYSCALL_FAILED, SOURCE_UNREADABLE, and what `NetlinkRequests` say */
export async function countNeighbours(netlink: NetlinkRequests): Promise<NeighbourCount[]> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_ROUTE, request);
  const counts = new Map<string, NeighbourCount>();
  for (const { type, payload } of await dump(exchange, RTM_GETNEIGH, new Uint8Array(HEAD_BYTES))) {
    if (type !== RTM_NEWNEIGH) continue;
    if (payload.byteLength < HEAD_BYTES) throw truncated('ndmsg', HEAD_BYTES, payload.byteLength);
    const family = FAMILIES.get(payload[0] ?? 0);
    if (!family) continue;
    const bits = viewOf(payload).getUint16(STATE_OFFSET, true);
    const state = STATES.find((_, bit) => (bits & (1 << bit)) !== 0) ?? 'none';
    const key = `${family} ${state}`;
    counts.set(key, { family, state, entries: (counts.get(key)?.entries ?? 0) + 1 });
  }
  return [...counts.values()];
}
