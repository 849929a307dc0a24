/** Frames for tests, byte by byte, with checksums that are right unless a test says otherwise. */

const MAC = { near: '020000000001', far: '020000000002' };
export const SOURCE = '192.0.2.1';
export const TARGET = '192.0.2.2';

export function ethernet(type: number, payload: Uint8Array, tags: readonly number[] = []): Buffer {
  const tagged = tags.map((tag) => Buffer.concat([u16(0x8100), u16(tag)]));
  return Buffer.concat([hex(MAC.far), hex(MAC.near), ...tagged, u16(type), payload]);
}

interface Ipv4 {
  readonly protocol: number;
  readonly source?: string;
  readonly target?: string;
  /** Flags and offset of a fragment. */
  readonly fragment?: number;
  readonly id?: number;
  readonly options?: Uint8Array;
  readonly badChecksum?: boolean;
}

export function ipv4(header: Ipv4, payload: Uint8Array): Buffer {
  const { protocol, source = SOURCE, target = TARGET, fragment = 0, id = 0x1234 } = header;
  const options = header.options ?? Buffer.alloc(0);
  const words = 5 + options.length / 4;
  const bytes = Buffer.concat([
    Buffer.from([0x40 | words, 0]),
    u16(words * 4 + payload.length),
    u16(id),
    u16(fragment),
    Buffer.from([63, protocol]),
    u16(0),
    dotted(source),
    dotted(target),
    options,
  ]);
  bytes.writeUInt16BE(checksum(bytes) ^ (header.badChecksum ? 0x5555 : 0), 10);
  return Buffer.concat([bytes, payload]);
}

/** A UDP datagram in IPv4. @param corrupt makes its checksum wrong */
export function udp(sport: number, dport: number, payload: Uint8Array, corrupt = false): Buffer {
  const bytes = Buffer.concat([u16(sport), u16(dport), u16(8 + payload.length), u16(0), payload]);
  bytes.writeUInt16BE(pseudoChecksum(17, bytes) ^ (corrupt ? 0x5555 : 0), 6);
  return bytes;
}

/** A TCP segment in IPv4. */
export function tcp(
  sport: number,
  dport: number,
  { seq = 1, ack = 0, flags = 0x02, corrupt = false, payload = Buffer.alloc(0) },
): Buffer {
  const bytes = Buffer.concat([
    u16(sport),
    u16(dport),
    u32(seq),
    u32(ack),
    Buffer.from([0x50, flags]),
    u16(1024),
    u16(0),
    u16(0),
    payload,
  ]);
  bytes.writeUInt16BE(pseudoChecksum(6, bytes) ^ (corrupt ? 0x5555 : 0), 16);
  return bytes;
}

export function ipv6(next: number, payload: Uint8Array): Buffer {
  return Buffer.concat([
    u32(0x6a_b1_23_45),
    u16(payload.length),
    Buffer.from([next, 61]),
    hex('20010db8000000000000000000000001'),
    hex('20010db8000000000000000000000002'),
    payload,
  ]);
}

function pseudoChecksum(protocol: number, bytes: Buffer): number {
  const pseudo = Buffer.concat([
    dotted(SOURCE),
    dotted(TARGET),
    Buffer.from([0, protocol]),
    u16(bytes.length),
  ]);
  return checksum(Buffer.concat([pseudo, bytes]));
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function dotted(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

export function u32(value: number): Buffer {
  return Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);
}
