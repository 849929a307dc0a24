/**
 * Kernel addresses → `symbol+0xoffset`.
 *
 * Three arrays of the host: sorted addresses (u64), where each name starts in the names and, one more, where the last
 * ends (u32), the names (plain ASCII, nothing to escape). An entry with an empty name ends the symbol before it.
 */
import { byte, copy, text } from './bytes';
import { hex } from './digits';
import {
  MAX_SYMBOL_BYTES,
  SYMBOL_ADDRESSES_PTR,
  SYMBOL_COUNT,
  SYMBOL_NAMES_PTR,
  SYMBOL_NAME_OFFSETS_PTR,
} from './memory';

/** Index of the last symbol that starts at or below the address; -1 when there is none. */
function findSymbol(address: u64): i32 {
  const addresses: usize = load<u32>(SYMBOL_ADDRESSES_PTR);
  let low: u32 = 0;
  let high = load<u32>(SYMBOL_COUNT);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<u64>(addresses + (<usize>middle << 3)) <= address) low = middle + 1;
    else high = middle;
  }
  return <i32>low - 1;
}

/** One frame, quotes included. */
function frame(o: usize, address: u64): usize {
  const index = findSymbol(address);
  if (index >= 0) {
    const ends = <usize>load<u32>(SYMBOL_NAME_OFFSETS_PTR) + (<usize>index << 2);
    const start: usize = load<u32>(ends);
    const bytes = min<usize>(<usize>load<u32>(ends, 4) - start, MAX_SYMBOL_BYTES);
    if (bytes > 0) {
      o = copy(byte(o, 0x22), <usize>load<u32>(SYMBOL_NAMES_PTR) + start, bytes);
      const starts = load<u64>(<usize>load<u32>(SYMBOL_ADDRESSES_PTR) + (<usize>index << 3));
      return byte(hex(text(o, '+0x', 3), address - starts), 0x22);
    }
  }
  return byte(hex(text(o, '"0x', 3), address), 0x22);
}

/** `["a+0x1","b+0x2"]` from up to `length` u64 at `p`; 0 ends the stack. */
export function kernelStack(o: usize, p: usize, length: usize): usize {
  o = byte(o, 0x5b);
  for (let i: usize = 0; i < length; i++) {
    const address = load<u64>(p + (i << 3));
    if (address == 0) break;
    if (i > 0) o = byte(o, 0x2c);
    o = frame(o, address);
  }
  return byte(o, 0x5d);
}
