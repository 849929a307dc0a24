/** Numbers as text, without branches that depend on the value where the value is short. */

const ZEROS: u64 = 0x3030303030303030;

/**
 * The eight decimal digits of n < 10^8, one in each byte, most significant first in memory, not yet made characters.
 * Splits the number in halves three times, all lanes of a word at once; the factors are reciprocals that are exact for
 * the range of their lane (4 digits: n * 10486 >> 20 = n / 100; 2 digits: n * 103 >> 10 = n / 10).
 */
@inline
function eightDigits(n: u32): u64 {
  const thousands = n / 10000;
  const fours = <u64>thousands | (<u64>(n - thousands * 10000) << 32);
  const hundreds = ((fours * 10486) >> 20) & 0x0000007f0000007f;
  const twos = hundreds | ((fours - hundreds * 100) << 16);
  const tens = ((twos * 103) >> 10) & 0x000f000f000f000f;
  return tens | ((twos - tens * 10) << 8);
}

/** n < 10^8 as exactly eight characters, as one word to be stored. */
@inline
export function eightCharacters(n: u32): u64 {
  return eightDigits(n) | ZEROS;
}

/** n < 10^8 without leading zeros. Overshoots by up to 7 bytes. */
@inline
function upToEight(o: usize, n: u32): usize {
  const digits = eightDigits(n);
  // The bit keeps the last digit, so that zero is "0" and not "".
  const leadingBits = ctz(digits | ((<u64>1) << 56)) & 0x38;
  store<u64>(o, (digits | ZEROS) >> leadingBits);
  return o + 8 - (<usize>leadingBits >> 3);
}

export function unsigned(o: usize, n: u64): usize {
  if (n < 100_000_000) return upToEight(o, <u32>n);
  const high = n / 100_000_000;
  if (high < 100_000_000) {
    o = upToEight(o, <u32>high);
  } else {
    const top = high / 100_000_000;
    o = upToEight(o, <u32>top);
    store<u64>(o, eightCharacters(<u32>(high - top * 100_000_000)));
    o += 8;
  }
  store<u64>(o, eightCharacters(<u32>(n - high * 100_000_000)));
  return o + 8;
}

export function signed(o: usize, n: i64): usize {
  if (n >= 0) return unsigned(o, <u64>n);
  store<u8>(o, 0x2d);
  // Negating the most negative number gives itself, which is its magnitude when read as unsigned.
  return unsigned(o + 1, <u64>-n);
}

/** All 16 hexadecimal digits of n, lower case. */
@inline
export function sixteenHexDigits(n: u64): v128 {
  const pairs = v128.swizzle(i64x2.splat(n), i8x16(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0));
  const even = i16x8.splat(0x00ff);
  const low = v128.and(pairs, i8x16.splat(0x0f));
  const high = v128.and(v128.shr<u16>(pairs, 4), i8x16.splat(0x0f));
  const alphabet = i8x16(48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102);
  return v128.swizzle(alphabet, v128.bitselect(high, low, even));
}

/** Hexadecimal without leading zeros and without prefix. Overshoots by up to 15 bytes. */
export function hex(o: usize, n: u64): usize {
  const leading = clz(n | 1) >> 2;
  v128.store(o, sixteenHexDigits(n << (leading << 2)));
  return o + 16 - <usize>leading;
}
