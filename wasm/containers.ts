/**
 * cgroup id → the text that names the container, as the host found it out.
 *
 * Open addressing with linear probing; slots of 16 bytes {u64 id, u32 address, u32 bytes}, id 0 marks a free one (no
 * cgroup has inode 0). The host keeps half of the slots free, which ends every search.
 */
import { CONTAINERS_PTR, CONTAINER_SLOTS } from './memory';

const SLOT_BYTES: usize = 16;
/** 2^64 divided by the golden ratio: spreads inode numbers, which come in sequence. */
const SPREAD: u64 = 0x9e3779b97f4a7c15;
const SLOT_BITS: u64 = 13;

/** Slot of this id, or the free slot where it belongs. */
@inline
function probe(cgroupId: u64): usize {
  const table: usize = load<u32>(CONTAINERS_PTR);
  let index = <usize>((cgroupId * SPREAD) >> (64 - SLOT_BITS));
  while (true) {
    const slot = table + index * SLOT_BYTES;
    const found = load<u64>(slot);
    if (found == cgroupId || found == 0) return slot;
    index = (index + 1) & (CONTAINER_SLOTS - 1);
  }
}

/** Address of the slot, or 0 when the host was not asked yet. */
@inline
export function findContainer(cgroupId: u64): usize {
  const slot = probe(cgroupId);
  return load<u64>(slot) == 0 ? 0 : slot;
}

@inline
export function fragmentAddress(slot: usize): usize {
  return load<u32>(slot, 8);
}

@inline
export function fragmentBytes(slot: usize): usize {
  return load<u32>(slot, 12);
}

/** Remembers the answer; `bytes` is 0 for the host itself. */
export function addContainer(cgroupId: u64, address: usize, bytes: usize): void {
  const slot = probe(cgroupId);
  store<u64>(slot, cgroupId);
  store<u32>(slot, address, 8);
  store<u32>(slot, bytes, 12);
}
