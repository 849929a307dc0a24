/**
 * The memory map of a decoder, host side: the picture is in `wasm/memory.ts`, whose constants a test compares with
 * these. Pure: asks for sizes, answers with offsets.
 */
import { HuatuoError } from '../error.ts';

/** Byte offsets of the control block's fields. */
export const CONTROL = {
  CONSUMER_PTR: 0,
  PRODUCER_PTR: 4,
  DATA_PTR: 8,
  RING_BYTES: 12,
  READ_POSITION: 16,
  WALL_OFFSET_NS: 24,
  OUTPUT_PTR: 32,
  OUTPUT_BYTES: 36,
  OUTPUT_USED: 40,
  STATUS: 44,
  DOCUMENTS: 48,
  MALFORMED: 52,
  DISCARDED: 56,
  CORRUPT_CODE: 60,
  CORRUPT_POSITION: 64,
  CORRUPT_FOUND: 72,
  MISSES: 80,
  MISSES_PTR: 84,
  ENVELOPE_PTR: 88,
  ENVELOPE_BYTES: 92,
  ENVELOPE_SECOND: 96,
  TIMESTAMP_HOLE: 104,
  EVENT_ID_HOLE: 108,
  TIME_HOLE: 112,
  TRACER_TIME_HOLE: 116,
  TRACER_ID_HOLE: 120,
  LOOKUPS_PTR: 124,
  WALK_SUM: 128,
} as const;

/** Bounds the module relies on. */
export const LIMITS = {
  LOOKUP_SLOTS: 8192,
  MAX_OWNER_BYTES: 4096,
  MAX_MISSES: 64,
} as const;

/** A frame with a build id; `struct bpf_stack_build_id`. */
export const FRAME_BYTES = 32;
/** One entry in the list of misses. */
export const MISS_BYTES = 24;

/** End of the control block and of the module's static data; the regions start here. */
export const REGIONS_START = 65_536;
/** Longest envelope: a host name of 64 and a region of a few hundred bytes fit many times. */
export const MAX_ENVELOPE_BYTES = 8192;

const CONTROL_BYTES = 4096;
const WASM_PAGE_BYTES = 65_536;
/** Half of what 32-bit addresses reach: sums of an address and a length never wrap. */
const MAX_MEMORY_BYTES = 2 ** 31;
const LOOKUP_SLOT_BYTES = 16;
/** About 256 bytes for each answer that fits into the table. */
const LOOKUP_TEXT_BYTES = 1 << 20;
/** Copies move up to 64 bytes at a time and may overshoot by that. */
const SLACK_BYTES = 128;
/** Of a record in the ring. */
const HEADER_BYTES = 8;

/** A range of the memory. */
interface Region {
  readonly offset: number;
  readonly bytes: number;
}

export interface DecoderRegions {
  /** One page each: the consumer position (mapped read-write) and the producer position (read-only). */
  readonly consumer: Region;
  readonly producer: Region;
  /** The ring's data, and behind it its beginning again, so that a record that wraps is in one piece; as in the file of the map. */
  readonly data: Region;
  readonly dataAgain: Region;
  /** The map `ledger_commits`, mapped read-write. */
  readonly commits: Region;
  readonly envelope: Region;
  readonly lookups: Region;
  readonly lookupText: Region;
  readonly misses: Region;
  readonly output: Region;
  /** A multiple of 64 KiB: what the WebAssembly.Memory must have, initially and at most. */
  readonly totalBytes: number;
}

/** What a decoder needs room for besides its ring. */
export interface DecoderNeeds {
  /** How much output a batch may become, the longest line included. */
  readonly outputBytes: number;
  /** The longest record, its header not included. */
  readonly recordBytes: number;
}

interface DecoderSizes extends DecoderNeeds {
  /** Size of the ring: a power of two and a multiple of the page. */
  readonly ringBytes: number;
  /** System page size: what mmap wants its addresses and lengths to be a multiple of. */
  readonly pageBytes: number;
}

/** The memory a decoder works in, and what is where in it. Shared, so that it outlives the thread that works in it. */
export interface DecoderMemory {
  readonly memory: WebAssembly.Memory;
  readonly regions: DecoderRegions;
}

/**
 * Lays the regions out one behind the other, each at the start of a page.
 * @throws HuatuoError MAP_FAILED when the sizes cannot be mapped or need more than 2 GiB
 */
export function decoderRegions(sizes: DecoderSizes): DecoderRegions {
  const { ringBytes, pageBytes } = sizes;
  if (
    !isPowerOfTwo(pageBytes) ||
    pageBytes > REGIONS_START ||
    !isPowerOfTwo(ringBytes) ||
    ringBytes < pageBytes
  ) {
    throw new HuatuoError('MAP_FAILED', {
      expected: `a ring of 2^n pages and pages of 2^n bytes up to ${REGIONS_START}`,
      found: `a ring of ${ringBytes} bytes and pages of ${pageBytes}`,
      remedy: 'give EVENT_RING() in the BPF source a power of two that is a multiple of the page size',
    });
  }
  let end = REGIONS_START;
  const next = (bytes: number): Region => {
    const offset = end;
    end += roundUp(bytes, pageBytes);
    return { offset, bytes };
  };
  const regions = {
    consumer: next(pageBytes),
    producer: next(pageBytes),
    data: next(ringBytes),
    dataAgain: next(roundUp(Math.min(ringBytes, HEADER_BYTES + sizes.recordBytes + SLACK_BYTES), pageBytes)),
    commits: next(pageBytes),
    envelope: next(MAX_ENVELOPE_BYTES),
    lookups: next(LIMITS.LOOKUP_SLOTS * LOOKUP_SLOT_BYTES),
    lookupText: next(LOOKUP_TEXT_BYTES),
    misses: next(LIMITS.MAX_MISSES * MISS_BYTES),
    output: { ...next(sizes.outputBytes + SLACK_BYTES), bytes: sizes.outputBytes },
  };
  const totalBytes = roundUp(end, WASM_PAGE_BYTES);
  if (totalBytes > MAX_MEMORY_BYTES) {
    throw new HuatuoError('MAP_FAILED', {
      expected: `a decoder memory of at most ${MAX_MEMORY_BYTES} bytes`,
      found: `${totalBytes} bytes for a ring of ${ringBytes}`,
      remedy: 'make the ring smaller',
    });
  }
  return { ...regions, totalBytes };
}

/**
 * A memory of exactly the regions' size: one that grew would move, and the ring mapped into it would be lost.
 * @throws what `decoderRegions` throws
 */
export function allocateDecoderMemory(sizes: DecoderSizes): DecoderMemory {
  const regions = decoderRegions(sizes);
  const pages = regions.totalBytes / WASM_PAGE_BYTES;
  try {
    return { memory: new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }), regions };
  } catch (cause) {
    throw new HuatuoError('MAP_FAILED', {
      expected: `${regions.totalBytes} bytes for a decoder`,
      found: (cause as RangeError).message,
      remedy: 'raise the memory limits of the agent: ulimit -v, LimitAS= and MemoryMax= of its service',
      cause,
    });
  }
}

/** Forgets what an earlier decoder left in the control block and the static data, which the module fills anew. */
export function clearStatics({ memory }: DecoderMemory): void {
  clear(new Uint8Array(memory.buffer, 0, REGIONS_START));
}

const ZEROS = new Uint8Array(4096);

/** Fills with zeros what is not: a page that was never written takes no memory, and reading it does not change that. */
export function clear(bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; start += ZEROS.length) {
    const piece = bytes.subarray(start, start + ZEROS.length);
    if (Buffer.compare(piece, ZEROS) !== 0) piece.fill(0);
  }
}

/** The bytes of a region; valid as long as the memory. */
export function regionBytes(memory: WebAssembly.Memory, region: Region): Uint8Array {
  return new Uint8Array(memory.buffer, region.offset, region.bytes);
}

/** The fields of the control block. */
export function controlBlock(memory: WebAssembly.Memory): DataView {
  return new DataView(memory.buffer, 0, CONTROL_BYTES);
}

/** Writes the addresses of all regions into the control block. */
export function writePointers(control: DataView, regions: DecoderRegions): void {
  control.setUint32(CONTROL.CONSUMER_PTR, regions.consumer.offset, true);
  control.setUint32(CONTROL.PRODUCER_PTR, regions.producer.offset, true);
  control.setUint32(CONTROL.DATA_PTR, regions.data.offset, true);
  control.setUint32(CONTROL.RING_BYTES, regions.data.bytes, true);
  control.setUint32(CONTROL.ENVELOPE_PTR, regions.envelope.offset, true);
  control.setUint32(CONTROL.LOOKUPS_PTR, regions.lookups.offset, true);
  control.setUint32(CONTROL.MISSES_PTR, regions.misses.offset, true);
  control.setUint32(CONTROL.OUTPUT_PTR, regions.output.offset, true);
}

function roundUp(bytes: number, multiple: number): number {
  return Math.ceil(bytes / multiple) * multiple;
}

function isPowerOfTwo(n: number): boolean {
  return n > 0 && Number.isInteger(Math.log2(n));
}
