/**
 * The BPF ring buffer (Linux 5.8, kernel/bpf/ringbuf.c and Documentation/bpf/ringbuf.rst).
 *
 *   consumer ─────────► producer        positions count bytes since the ring was made; they never wrap,
 *   │ record │ record │                 `position & (ring_bytes - 1)` is the place in the data
 *   ▼
 *   ┌──────────────────────┬────────┬─────────────────────────┐
 *   │ u32 length│BUSY│DISC.│ u32 pg │ payload, rounded up to 8│
 *   └──────────────────────┴────────┴─────────────────────────┘
 *
 * The kernel publishes the producer position after the header (store-release) and clears BUSY after the payload
 * (xchg), so two atomic loads, in this order, are all the synchronisation a reader needs. A program that was
 * interrupted between reserve and submit leaves BUSY set: the reader stops there and comes back, it never spins.
 */
import {
  CONSUMER_PTR,
  CORRUPT,
  CORRUPT_CODE,
  CORRUPT_FOUND,
  CORRUPT_POSITION,
  DATA_PTR,
  POSITIONS_TOO_FAR_APART,
  PRODUCER_PTR,
  READ_POSITION,
  READ_POSITION_OUTSIDE,
  READ_POSITION_UNALIGNED,
  RING_BYTES,
  STATUS,
  WALK_SUM,
} from './memory';

export const HEADER_BYTES: usize = 8;
export const BUSY_BIT: u32 = 1 << 31;
export const DISCARD_BIT: u32 = 1 << 30;
export const LENGTH_BITS: u32 = DISCARD_BIT - 1;

@inline
export function producerPosition(): u64 {
  return atomic.load<u64>(load<u32>(PRODUCER_PTR));
}

/** Header and payload of this length, rounded up to where the next header is. */
@inline
export function stride(length: u32): u64 {
  return (<u64>length + 15) & ~7;
}

/** Notes which invariant does not hold. The ring cannot be walked any further: where is the next record? */
export function corrupt(code: u32, position: u64, found: u64): u32 {
  store<u32>(CORRUPT_CODE, code);
  store<u64>(CORRUPT_POSITION, position);
  store<u64>(CORRUPT_FOUND, found);
  return CORRUPT;
}

/** consumer ≤ read position ≤ producer ≤ consumer + ring, or STATUS says what is wrong. */
export function positionsHold(position: u64, producer: u64): bool {
  const consumer = atomic.load<u64>(load<u32>(CONSUMER_PTR));
  let status: u32 = 0;
  // Unsigned differences: a position that is too small becomes one that is far too large.
  if (producer - consumer > load<u32>(RING_BYTES)) status = corrupt(POSITIONS_TOO_FAR_APART, consumer, producer);
  else if (position - consumer > producer - consumer) status = corrupt(READ_POSITION_OUTSIDE, consumer, position);
  // Every record starts at a multiple of 8; an atomic load from anywhere else would trap.
  else if ((position & 7) != 0) status = corrupt(READ_POSITION_UNALIGNED, position, position);
  if (status == 0) return true;
  store<u32>(STATUS, status);
  return false;
}

/**
 * Walks up to `max` committed records from the read position and moves nothing: the benchmark of the walk alone. One
 * word of each payload is summed, so that the payload is really read.
 * @returns records walked
 */
export function walk(max: u32): u32 {
  const producer = producerPosition();
  let position = load<u64>(READ_POSITION);
  if (!positionsHold(position, producer)) return 0;
  const data: usize = load<u32>(DATA_PTR);
  const mask: u64 = load<u32>(RING_BYTES) - 1;
  let sum: u64 = 0;
  let records: u32 = 0;
  while (position < producer && records < max) {
    const header = data + <usize>(position & mask);
    const word = atomic.load<u32>(header);
    if (word & BUSY_BIT) break;
    sum += load<u64>(header, HEADER_BYTES);
    position += stride(word & LENGTH_BITS);
    records++;
  }
  store<u64>(WALK_SUM, sum);
  return records;
}
