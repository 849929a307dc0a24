/**
 * Where everything is in the decoder's memory. The host lays it out (src/decoder/memory.ts) and writes the
 * addresses into the control block; a test compares the constants of both sides.
 *
 *       0 ┌───────────────────────────┐
 *         │ control block             │ both sides write, never at the same time: a call is synchronous
 *    4096 ├───────────────────────────┤
 *         │ static data               │ string literals of this module, UTF-16
 *   65536 ├───────────────────────────┤ ─┐
 *         │ consumer page             │  │ the kernel's ring buffer, mapped over this range of memory:
 *         │ producer page             │  │ other CPUs write here while we read
 *         │ data │ its beginning again│  │ mapped twice, so a record that wraps is still in one piece
 *         ├───────────────────────────┤ ─┘
 *         │ commits                   │ the reader's half of the ledger, a BPF map; this module leaves it alone
 *         │ envelope                  │ a finished envelope with holes (envelope.ts)
 *         │ look-ups │ their text     │ (kind, key) → text (lookups.ts)
 *         │ misses                    │ what the host is asked for next
 *         │ output │ slack            │ finished lines; 16-byte stores may overshoot into the slack
 *         └───────────────────────────┘
 */

// Addresses of control block fields. All little-endian, as WebAssembly is.
export const CONSUMER_PTR: usize = 0;
export const PRODUCER_PTR: usize = 4;
export const DATA_PTR: usize = 8;
export const RING_BYTES: usize = 12;
export const READ_POSITION: usize = 16;
export const WALL_OFFSET_NS: usize = 24;
export const OUTPUT_PTR: usize = 32;
export const OUTPUT_BYTES: usize = 36;
export const OUTPUT_USED: usize = 40;
export const STATUS: usize = 44;
export const DOCUMENTS: usize = 48;
export const MALFORMED: usize = 52;
export const DISCARDED: usize = 56;
export const CORRUPT_CODE: usize = 60;
export const CORRUPT_POSITION: usize = 64;
export const CORRUPT_FOUND: usize = 72;
export const MISSES: usize = 80;
export const MISSES_PTR: usize = 84;
export const ENVELOPE_PTR: usize = 88;
export const ENVELOPE_BYTES: usize = 92;
export const ENVELOPE_SECOND: usize = 96;
export const TIMESTAMP_HOLE: usize = 104;
export const EVENT_ID_HOLE: usize = 108;
export const TIME_HOLE: usize = 112;
export const TRACER_TIME_HOLE: usize = 116;
export const TRACER_ID_HOLE: usize = 120;
export const LOOKUPS_PTR: usize = 124;
export const WALK_SUM: usize = 128;

// Values of STATUS: why decode() stopped.
export const EMPTY: u32 = 0;
export const OUTPUT_FULL: u32 = 1;
export const BUSY: u32 = 2;
export const LOOKUP_MISS: u32 = 3;
export const CORRUPT: u32 = 4;

// Values of CORRUPT_CODE: which invariant of the ring does not hold.
export const POSITIONS_TOO_FAR_APART: u32 = 1;
export const READ_POSITION_OUTSIDE: u32 = 2;
export const READ_POSITION_UNALIGNED: u32 = 3;
export const LENGTH_BEYOND_RING: u32 = 4;
export const END_BEYOND_PRODUCER: u32 = 5;

// Bounds both sides rely on.
export const LOOKUP_SLOTS: usize = 8192;
export const MAX_OWNER_BYTES: usize = 4096;
export const MAX_MISSES: usize = 64;
