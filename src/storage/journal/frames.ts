/**
 * A compressed segment is a row of frames, each with whole lines, and before each of them a prelude: a skippable frame, which
 * `zstd -d` passes over (RFC 8878, 3.1.2).
 *
 *   prelude ║ zstd frame with checksum │ prelude ║ zstd frame │ …
 *
 *   prelude = magic 4 │ length 4 │ documents before 8 │ offset 8 │ documents 4 │ bytes of lines 4 │ bytes of the frame 4 │ CRC-32 4
 *
 * Frames are independent, and a prelude says where in the segment its lines stand. So a damaged frame costs its own documents, they
 * are counted exactly, places behind them stay what they were, and who wants a place reads preludes and nothing else. A prelude that
 * is damaged costs the same: the next one is looked for byte by byte. JSON text holds no control characters, so the magic number
 * is in no line, however hostile.
 */
import { promisify } from 'node:util';
import {
  constants,
  crc32,
  type ZstdOptions,
  zstdCompress,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';

const MAGIC = Buffer.from([0x5a, 0x2a, 0x4d, 0x18]);
export const PRELUDE_BYTES: number = 40;
const CRC_AT = PRELUDE_BYTES - 4;
/** A prelude that says it has more was made by no journal: a batch is smaller. */
const MAX_LINES_BYTES = 64 * 1024 * 1024;
const SCAN_BYTES = 64 * 1024;
/** In the descriptor of a zstd frame: a checksum of its content follows it. */
const CHECKSUM_FLAG = 4;
/**
 * The documents of this journal get smaller by it than by 3, in less time: `npm run bench -- --only compression` has both, and what is
 * gained by longer frames.
 */
const LEVEL = 1;
/** Lines of a frame that is made of a full segment. */
export const FRAME_BYTES: number = 1024 * 1024;

const compressOnPool = promisify(zstdCompress);

interface Prelude {
  /** Documents of the segment before this frame. */
  readonly documents_before: number;
  /** Bytes of lines before it. */
  readonly offset: number;
  readonly documents: number;
  readonly lines_bytes: number;
  /** Of the zstd frame behind the prelude. */
  readonly frame_bytes: number;
}

/** A frame and where in the file its prelude begins. */
export interface FramePlace extends Prelude {
  readonly at: number;
}

/** Bytes of a file, from `at` on; fewer are given at its end. */
export interface Range {
  readonly at: number;
  readonly bytes: number;
}

/** Compresses whole lines in the calling thread: half a millisecond for a megabyte, and less CPU than on the pool. */
export function compressLines(lines: Uint8Array): Buffer {
  return zstdCompressSync(lines, optionsFor(lines));
}

/** The same on libuv's pool. */
export function compressLinesOnPool(lines: Uint8Array): Promise<Buffer> {
  return compressOnPool(lines, optionsFor(lines));
}

function optionsFor({ length }: Uint8Array): ZstdOptions {
  return {
    pledgedSrcSize: length,
    // Room for the longest result (ZSTD_COMPRESSBOUND): zstd then needs no buffers of its own, which the kernel would have to zero.
    chunkSize: length + (length >> 8) + 1024,
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
  };
}

/** A frame with its prelude, as it stands in a file. */
export function withPrelude(prelude: Prelude, frame: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PRELUDE_BYTES + frame.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(PRELUDE_BYTES - 8, 4);
  bytes.writeBigUInt64LE(BigInt(prelude.documents_before), 8);
  bytes.writeBigUInt64LE(BigInt(prelude.offset), 16);
  bytes.writeUInt32LE(prelude.documents, 24);
  bytes.writeUInt32LE(prelude.lines_bytes, 28);
  bytes.writeUInt32LE(frame.length, 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  bytes.set(frame, PRELUDE_BYTES);
  return bytes;
}

/** @returns undefined when no whole prelude begins here */
export function parsePrelude(bytes: Buffer): Prelude | undefined {
  if (bytes.length < PRELUDE_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (crc32(bytes.subarray(0, CRC_AT)) !== bytes.readUInt32LE(CRC_AT)) return undefined;
  const prelude = {
    documents_before: Number(bytes.readBigUInt64LE(8)),
    offset: Number(bytes.readBigUInt64LE(16)),
    documents: bytes.readUInt32LE(24),
    lines_bytes: bytes.readUInt32LE(28),
    frame_bytes: bytes.readUInt32LE(32),
  };
  return prelude.lines_bytes > 0 && prelude.lines_bytes <= MAX_LINES_BYTES ? prelude : undefined;
}

/** Where in the file the next prelude is. */
export function behind({ at, frame_bytes }: FramePlace): number {
  return at + PRELUDE_BYTES + frame_bytes;
}

/**
 * The frame whose prelude is at a place of a file, or where that is damaged the next one. Asks for what it must read, so that it
 * serves readers that wait and those that must not.
 * @returns undefined when there is none up to the end of the file
 */
export function* findFrame(at: number): Generator<Range, FramePlace | undefined, Buffer> {
  const prelude = parsePrelude(yield { at, bytes: PRELUDE_BYTES });
  if (prelude) return { at, ...prelude };
  for (let from = at + 1; ; from += SCAN_BYTES - PRELUDE_BYTES + 1) {
    const bytes = yield { at: from, bytes: SCAN_BYTES };
    for (let hit = bytes.indexOf(MAGIC); hit >= 0; hit = bytes.indexOf(MAGIC, hit + 1)) {
      const found = parsePrelude(bytes.subarray(hit));
      if (found) return { at: from + hit, ...found };
    }
    if (bytes.length < SCAN_BYTES) return undefined;
  }
}

/** The lines of a frame, in the calling thread: handing it to the pool takes longer. @returns undefined when it is damaged */
export function linesOf(frame: Buffer, { lines_bytes }: Prelude): Buffer | undefined {
  if (((frame[4] ?? 0) & CHECKSUM_FLAG) === 0) return undefined;
  try {
    const chunkSize = Math.max(constants.Z_MIN_CHUNK, lines_bytes);
    const lines = zstdDecompressSync(frame, { maxOutputLength: lines_bytes, chunkSize });
    return lines.length === lines_bytes ? lines : undefined;
  } catch {
    return undefined;
  }
}
