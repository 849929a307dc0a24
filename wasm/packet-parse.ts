/**
 * Finds the headers in the first bytes of a packet (`struct packet_head` of bpf/include/packet.h). Every byte of them may
 * be hostile: an offset is only kept when all of its header was copied, and chains of headers are followed a few links.
 *
 *   u8 start, u8 flags, u16 end, u32 length, u8 bytes[152]      bytes[start..end) is an Ethernet frame
 */

const BYTES: usize = 8;
const MAX_BYTES: u32 = 152;
const HAS_ETHER: u8 = 1;

const ETHER_BYTES: usize = 14;
const VLAN_BYTES: usize = 4;
const MAX_VLANS = 2;
const IPV6_BYTES: usize = 40;
const ARP_BYTES: usize = 28;
const MAX_EXTENSIONS = 8;

export const IPV4: u32 = 0x0800;
export const IPV6: u32 = 0x86dd;
export const ARP: u32 = 0x0806;
const VLAN: u32 = 0x8100;
const SERVICE_VLAN: u32 = 0x88a8;

const HOP_BY_HOP: u32 = 0;
export const ICMP: u32 = 1;
export const TCP: u32 = 6;
export const UDP: u32 = 17;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const AUTHENTICATION: u32 = 51;
export const ICMPV6: u32 = 58;
const DESTINATION: u32 = 60;

/** No protocol has this number. */
export const NONE: u32 = 0x100;

/** Addresses of headers; 0 is for one that is not there. */
export let ether: usize = 0;
export let vlan: usize = 0;
export let innerVlan: usize = 0;
export let network: usize = 0;
export let transport: usize = 0;
/** Of what is behind all VLAN tags. */
export let etherType: u32 = 0;
/** Protocol of the payload, or NONE. */
export let protocol: u32 = NONE;
/** In units of eight bytes; -1 when an IPv6 packet has no fragment header. */
export let fragmentOffset: i32 = -1;

@inline
export function be16(p: usize): u32 {
  return bswap<u16>(load<u16>(p));
}

@inline
export function be32(p: usize): u32 {
  return bswap<u32>(load<u32>(p));
}

export function parse(head: usize): void {
  const start = min<u32>(load<u8>(head), MAX_BYTES);
  const end = head + BYTES + min<u32>(load<u16>(head, 2), MAX_BYTES);
  let p = head + BYTES + start;
  vlan = innerVlan = network = transport = 0;
  protocol = NONE;
  fragmentOffset = -1;
  etherType = 0;
  ether = 0;
  if (p + ETHER_BYTES > end) return;
  if (load<u8>(head, 1) & HAS_ETHER) ether = p;
  p += ETHER_BYTES;
  etherType = be16(p - 2);
  for (let tags = 0; tags < MAX_VLANS && isVlan(etherType) && p + VLAN_BYTES <= end; tags++) {
    if (vlan == 0) vlan = p;
    else innerVlan = p;
    p += VLAN_BYTES;
    etherType = be16(p - 2);
  }
  if (etherType == IPV4) parseIpv4(p, end);
  else if (etherType == IPV6) parseIpv6(p, end);
  else if (etherType == ARP && p + ARP_BYTES <= end && isEthernetArp(p)) network = p;
}

function isVlan(type: u32): bool {
  return type == VLAN || type == SERVICE_VLAN;
}

/** Hardware and protocol type, and the sizes of both: anything else has no place for what is printed. */
function isEthernetArp(p: usize): bool {
  return be16(p) == 1 && be16(p + 2) == IPV4 && be16(p + 4) == 0x0604;
}

function parseIpv4(p: usize, end: usize): void {
  if (p + 20 > end || load<u8>(p) >> 4 != 4) return;
  const words: usize = load<u8>(p) & 15;
  if (words < 5) return;
  network = p;
  protocol = load<u8>(p, 9);
  fragmentOffset = <i32>(be16(p + 6) & 0x1fff);
  // A later fragment has no transport header.
  if (fragmentOffset == 0) parseTransport(p + words * 4, end);
}

function parseIpv6(p: usize, end: usize): void {
  if (p + IPV6_BYTES > end || load<u8>(p) >> 4 != 6) return;
  network = p;
  let next: u32 = load<u8>(p, 6);
  p += IPV6_BYTES;
  for (let links = 0; isExtension(next); links++) {
    if (links == MAX_EXTENSIONS || p + 8 > end) return;
    const words: usize = load<u8>(p, 1);
    if (next == FRAGMENT) fragmentOffset = <i32>(be16(p + 2) >> 3);
    const bytes = next == FRAGMENT ? 8 : next == AUTHENTICATION ? (words + 2) << 2 : (words + 1) << 3;
    next = load<u8>(p);
    p += bytes;
    if (fragmentOffset > 0) break;
  }
  protocol = next;
  if (fragmentOffset <= 0) parseTransport(p, end);
}

function isExtension(next: u32): bool {
  return (
    next == HOP_BY_HOP ||
    next == ROUTING ||
    next == FRAGMENT ||
    next == AUTHENTICATION ||
    next == DESTINATION
  );
}

function parseTransport(p: usize, end: usize): void {
  const bytes: usize =
    protocol == TCP ? 20 : protocol == UDP || protocol == ICMP || protocol == ICMPV6 ? 8 : 0;
  if (bytes > 0 && p + bytes <= end) transport = p;
}
