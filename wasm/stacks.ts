/**
 * Stacks: an address becomes `symbol+0xoffset` by a look-up, so the decoder holds the few hundred frames that were met and
 * not the hundred thousand symbols there are. The host's text for a frame has its quotes.
 */
import { byte, copy, text } from './bytes';
import { hex } from './digits';
import { findFrame, known, miss, textAddress, textBytes } from './lookups';

/** `["a+0x1","b+0x2"]` from up to `length` u64 at `p`; 0 ends the stack. */
export function kernelStack(o: usize, p: usize, length: usize, kind: u32): usize {
  o = byte(o, 0x5b);
  for (let i: usize = 0; i < length; i++) {
    const address = load<u64>(p + (i << 3));
    if (address == 0) break;
    if (i > 0) o = byte(o, 0x2c);
    o = known(o, kind, address, 0);
  }
  return byte(o, 0x5d);
}

/** Values of `status` in `struct bpf_stack_build_id` (include/uapi/linux/bpf.h). */
const EMPTY: u32 = 0;
const WITH_BUILD_ID: u32 = 1;

/**
 * The same from up to `length` frames of 32 bytes {u32 status, u8 build_id[20], u64 offset in the file, or address}. The
 * kernel gives the bare address of code without a file (JIT) or when it could not look: each stays distinct.
 */
export function userStack(o: usize, p: usize, length: usize, kind: u32, process: u32): usize {
  o = byte(o, 0x5b);
  for (let i: usize = 0; i < length; i++) {
    const frame = p + (i << 5);
    const status = load<u32>(frame);
    if (status == EMPTY) break;
    if (i > 0) o = byte(o, 0x2c);
    o = status == WITH_BUILD_ID ? fileFrame(o, frame, kind, process) : unknownFrame(o, load<u64>(frame, 24));
  }
  return byte(o, 0x5d);
}

function unknownFrame(o: usize, address: u64): usize {
  return byte(hex(text(o, '"[unknown]+0x', 13), address), 0x22);
}

function fileFrame(o: usize, frame: usize, kind: u32, process: u32): usize {
  const hash = frameHash(frame);
  const slot = findFrame(kind, hash, frame);
  if (slot == 0) {
    miss(kind, hash, frame, process);
    return o;
  }
  return copy(o, textAddress(slot), textBytes(slot));
}

/** Only spreads; equal hashes are told apart by the bytes. */
@inline
function frameHash(frame: usize): u64 {
  const id = load<u64>(frame, 4) ^ rotl(load<u64>(frame, 12), 17) ^ <u64>load<u32>(frame, 20);
  return (id * 0xff51afd7ed558ccd) ^ rotl(load<u64>(frame, 24) * 0xc4ceb9fe1a85ec53, 31);
}
