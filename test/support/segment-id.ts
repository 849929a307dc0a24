/** `tcp_segment_id` of bpf/include/tcp_segment.h, computed from what a document says of a segment. */
import { isIPv4 } from 'node:net';

interface SegmentFlow {
  readonly saddr: string;
  readonly daddr: string;
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
}

/** @returns as documents have it */
export function segmentId({ saddr, daddr, sport, dport, seq }: SegmentFlow): string {
  let hash = (BigInt(sport) << 48n) | (BigInt(dport) << 32n) | BigInt(seq);
  for (const word of [...words(saddr), ...words(daddr)]) hash = mix(hash ^ word);
  return `0x${hash.toString(16)}`;
}

function mix(hash: bigint): bigint {
  const first = BigInt.asUintN(64, (hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn);
  const second = BigInt.asUintN(64, (first ^ (first >> 33n)) * 0xc4ceb9fe1a85ec53n);
  return second ^ (second >> 33n);
}

/** The 16 bytes of an address, little-endian; IPv4 is mapped into IPv6. */
function words(address: string): bigint[] {
  const bytes = isIPv4(address)
    ? Buffer.from([...new Uint8Array(10), 255, 255, ...address.split('.').map(Number)])
    : ipv6(address);
  return [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)];
}

function ipv6(address: string): Buffer {
  const [before, after] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = Array(8 - before!.length - (after?.length ?? 0)).fill('0');
  const groups = [...before!, ...zeros, ...(after ?? [])].map((group: string) => group.padStart(4, '0'));
  return Buffer.from(groups.join(''), 'hex');
}
