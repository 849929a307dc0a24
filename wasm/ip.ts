/** Addresses as `struct in6_addr`; IPv4 is kept as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
import { byte } from './bytes';
import { hex, unsigned } from './digits';

const GROUPS: u32 = 8;

/** 16 bytes in network order: `192.0.2.1`, or IPv6 as RFC 5952 wants it. At most 39 bytes. */
export function ipAddress(o: usize, p: usize): usize {
  if (load<u64>(p) == 0 && load<u32>(p, 8) == 0xffff0000) return dotted(o, p + 12);
  const run = longestZeroRun(p);
  const start = run >> 4;
  const end = start + (run & 15);
  for (let group: u32 = 0; group < GROUPS; group++) {
    if (group == start && end > start) {
      o = byte(o, 0x3a);
      if (end == GROUPS) return byte(o, 0x3a);
      group = end;
    }
    if (group > 0) o = byte(o, 0x3a);
    o = hex(o, bswap<u16>(load<u16>(p + group * 2)));
  }
  return o;
}

function dotted(o: usize, p: usize): usize {
  o = unsigned(o, load<u8>(p));
  for (let i: usize = 1; i < 4; i++) o = unsigned(byte(o, 0x2e), load<u8>(p + i));
  return o;
}

/** First longest run of two or more zero groups, as `start << 4 | length`; 0 when there is none. */
function longestZeroRun(p: usize): u32 {
  let best: u32 = 0;
  let length: u32 = 0;
  for (let group: u32 = 0; group < GROUPS; group++) {
    length = load<u16>(p + group * 2) == 0 ? length + 1 : 0;
    if (length > 1 && length > (best & 15)) best = ((group + 1 - length) << 4) | length;
  }
  return best;
}
