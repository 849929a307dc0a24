/** JSON values as the generated decoders need them. Strings are written without their quotes. */
import { byte, text } from './bytes';
import { sixteenHexDigits } from './digits';
import { escaped } from './utf8';

export { text } from './bytes';
export { hex, signed, unsigned } from './digits';
export { ipAddress } from './ip';

/**
 * Text of the kernel: up to the first NUL or `bytes` bytes. 16 bytes at a time as long as nothing needs an escape, and
 * from the first one on that does, byte by byte. Reads up to 15 bytes behind the field.
 */
@inline
export function chars(o: usize, p: usize, bytes: usize): usize {
  const end = p + bytes;
  while (p < end) {
    const block = v128.load(p);
    // As signed bytes, everything from 0x80 is below 0x20 too.
    const control = v128.lt<i8>(block, i8x16.splat(0x20));
    const quote = v128.eq<i8>(block, i8x16.splat(0x22));
    const backslash = v128.eq<i8>(block, i8x16.splat(0x5c));
    const special = v128.bitmask<i8>(v128.or(control, v128.or(quote, backslash)));
    v128.store(o, block);
    const plain = min<usize>(ctz(special | 0x10000), end - p);
    o += plain;
    p += plain;
    if (p < end && plain < 16) return load<u8>(p) == 0 ? o : escaped(o, p, end);
  }
  return o;
}

/** Any bytes as two digits each. Reads up to 7 bytes behind them, writes up to 14. */
export function bytes(o: usize, p: usize, count: usize): usize {
  for (let done: usize = 0; done < count; done += 8)
    v128.store(o + done * 2, sixteenHexDigits(bswap<u64>(load<u64>(p + done))));
  return o + count * 2;
}

@inline
export function bool(o: usize, value: u64): usize {
  return value ? text(o, 'true', 4) : text(o, 'false', 5);
}

/** A comma before every element but the first. */
@inline
export function separator(o: usize, index: usize): usize {
  return index == 0 ? o : byte(o, 0x2c);
}
