/**
 * The slow half of text from the kernel: whatever a task called itself becomes valid JSON. The same characters come out
 * as from JSON.stringify(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)).
 */
import { byte } from './bytes';

const REPLACEMENT: u32 = 0xbdbfef; // U+FFFD as the bytes EF BF BD

/** Writes the bytes from `p` to the first NUL or to `end`, escaped. At most 6 bytes for each. */
export function escaped(o: usize, p: usize, end: usize): usize {
  while (p < end) {
    const c = load<u8>(p);
    if (c == 0) break;
    if (c >= 0x80) {
      const length = sequenceLength(p, end);
      if (length > 0) {
        store<u32>(o, load<u32>(p));
        o += length;
        p += length;
      } else {
        store<u32>(o, REPLACEMENT);
        o += 3;
        p -= length;
      }
    } else {
      o = character(o, c);
      p++;
    }
  }
  return o;
}

/** One ASCII character. */
function character(o: usize, c: u32): usize {
  if (c >= 0x20 && c != 0x22 && c != 0x5c) return byte(o, c);
  store<u8>(o, 0x5c);
  const letter = shortEscape(c);
  if (letter != 0) return byte(o + 1, letter);
  store<u32>(o, 0x30303075, 1); // u000
  store<u8>(o, 0x30 + (c >> 4), 4);
  const low = c & 15;
  store<u8>(o, low < 10 ? 0x30 + low : 0x57 + low, 5);
  return o + 6;
}

function shortEscape(c: u32): u32 {
  switch (c) {
    case 0x08: return 0x62; // \b
    case 0x09: return 0x74; // \t
    case 0x0a: return 0x6e; // \n
    case 0x0c: return 0x66; // \f
    case 0x0d: return 0x72; // \r
    case 0x22:
    case 0x5c: return c;
    default: return 0;
  }
}

/**
 * Bytes of the well-formed UTF-8 sequence at `p`, or minus the bytes that one U+FFFD stands for: the longest start of
 * a well-formed sequence ("maximal subpart", Unicode 16 section 3.9, table 3-7; https://encoding.spec.whatwg.org/#utf-8-decoder).
 */
function sequenceLength(p: usize, end: usize): isize {
  const lead = load<u8>(p);
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const length: isize = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // Only the second byte is ever narrower: no overlong forms, no surrogates, nothing above U+10FFFF.
  let lowest: u32 = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  let highest: u32 = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  for (let i: isize = 1; i < length; i++) {
    if (p + i >= end) return -i;
    const next = <u32>load<u8>(p + i);
    if (next < lowest || next > highest) return -i;
    lowest = 0x80;
    highest = 0xbf;
  }
  return length;
}
