/**
 * (kind, key) → the text that stands for it, as the host found it out: whose a cgroup is, what a kernel address is called.
 *
 *   kind, key ──hash──► slot {u64 key │ u32 address │ u16 bytes │ u16 kind}   16 bytes; kind 0 marks a free one
 *                         │ hit: the text is copied into the line
 *                         │ miss: noted in the list of misses, nothing is written
 *                         ▼
 *   drain() drops the unfinished line and stops at its record. The host answers the whole list and calls again.
 *
 * Kinds are numbers from 1, given out by `lookupKinds` (src/decoder/lookup-kinds.ts) for each event by itself. The key is
 * exact for most kinds. Where it is a hash of the record's bytes, those bytes stand in front of the text, and they decide.
 *
 * Open addressing with linear probing. The host keeps half of the slots free, which ends every search.
 */
import { copy } from './bytes';
import { LOOKUPS_PTR, LOOKUP_SLOTS, MAX_MISSES, MISSES, MISSES_PTR } from './memory';

const SLOT_BYTES: usize = 16;
/** 2^64 divided by the golden ratio: spreads inode numbers and addresses, which come in sequence. */
const SPREAD: u64 = 0x9e3779b97f4a7c15;
const SLOT_BITS: u64 = 13;
/** A frame with a build id, as `struct bpf_stack_build_id` has it. */
export const FRAME_BYTES: usize = 32;
const MISS_BYTES: usize = 24;

@inline
function firstSlot(kind: u32, key: u64): usize {
  return <usize>(((key ^ (<u64>kind << 56)) * SPREAD) >> (64 - SLOT_BITS));
}

@inline
function nextSlot(index: usize): usize {
  return (index + 1) & (LOOKUP_SLOTS - 1);
}

/** Address of the slot, or 0 when the host was not asked yet. */
@inline
export function find(kind: u32, key: u64): usize {
  const table: usize = load<u32>(LOOKUPS_PTR);
  let index = firstSlot(kind, key);
  while (true) {
    const slot = table + index * SLOT_BYTES;
    const found: u32 = load<u16>(slot, 14);
    if (load<u64>(slot) == key && found == kind) return slot;
    if (found == 0) return 0;
    index = nextSlot(index);
  }
}

/** As `find`, for a key that is the hash of the FRAME_BYTES bytes at `p`. */
export function findFrame(kind: u32, hash: u64, p: usize): usize {
  const table: usize = load<u32>(LOOKUPS_PTR);
  let index = firstSlot(kind, hash);
  while (true) {
    const slot = table + index * SLOT_BYTES;
    const found: u32 = load<u16>(slot, 14);
    if (found == 0) return 0;
    if (load<u64>(slot) == hash && found == kind && sameFrame(textAddress(slot) - FRAME_BYTES, p)) return slot;
    index = nextSlot(index);
  }
}

@inline
function sameFrame(a: usize, b: usize): bool {
  const low = v128.xor(v128.load(a), v128.load(b));
  return !v128.any_true(v128.or(low, v128.xor(v128.load(a, 16), v128.load(b, 16))));
}

@inline
export function textAddress(slot: usize): usize {
  return load<u32>(slot, 8);
}

@inline
export function textBytes(slot: usize): usize {
  return load<u16>(slot, 12);
}

/**
 * Writes the text for a key.
 * @param process a process of the record that helps the host to find out; 0 when there is none
 */
@inline
export function known(o: usize, kind: u32, key: u64, process: u32): usize {
  const slot = find(kind, key);
  if (slot == 0) {
    miss(kind, key, 0, process);
    return o;
  }
  return copy(o, textAddress(slot), textBytes(slot));
}

/**
 * Notes what the host is to be asked for, once however often the record has it. More than fit are asked for after these.
 * @param address of the bytes that the key is the hash of; 0 for an exact key
 */
export function miss(kind: u32, key: u64, address: usize, process: u32): void {
  const list: usize = load<u32>(MISSES_PTR);
  const count: usize = load<u32>(MISSES);
  for (let i: usize = 0; i < count; i++) {
    const noted = list + i * MISS_BYTES;
    if (load<u64>(noted) == key && load<u32>(noted, 8) == kind) return;
  }
  if (count == MAX_MISSES) return;
  const entry = list + count * MISS_BYTES;
  store<u64>(entry, key);
  store<u32>(entry, kind, 8);
  store<u32>(entry, <u32>address, 12);
  store<u32>(entry, process, 16);
  store<u32>(MISSES, <u32>count + 1);
}

/**
 * Remembers an answer.
 * @param address of the text; the FRAME_BYTES bytes in front of it are the frame when the key is its hash
 * @param hashed whether the key is a hash
 */
export function addLookup(kind: u32, key: u64, address: usize, bytes: u32, hashed: bool): void {
  const table: usize = load<u32>(LOOKUPS_PTR);
  let slot = hashed ? findFrame(kind, key, address - FRAME_BYTES) : find(kind, key);
  for (let index = firstSlot(kind, key); slot == 0; index = nextSlot(index)) {
    const candidate = table + index * SLOT_BYTES;
    if (load<u16>(candidate, 14) == 0) slot = candidate;
  }
  store<u64>(slot, key);
  store<u32>(slot, <u32>address, 8);
  store<u16>(slot, bytes, 12);
  store<u16>(slot, kind, 14);
}
