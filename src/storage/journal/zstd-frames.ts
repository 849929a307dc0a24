/**
 * A compressed segment is a row of zstd frames, each with whole lines, its own length and a checksum: what `zstd -d` reads too.
 * Frames are independent, so reading can begin at any of them, and a flipped byte costs one.
 *
 *   magic │ descriptor │ window, dictionary │ content size ║ block header, block ║ … ║ checksum      (RFC 8878)
 */

import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompressSync } from 'node:zlib';

const MAGIC = 0xfd2fb528;
/** Longest header of a frame. */
export const MAX_HEADER_BYTES: number = 18;
/** Of a block: its length, its type, and whether it is the last. */
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** A frame that says it holds more is damaged; the writer makes none above a batch. */
const MAX_CONTENT_BYTES = 64 * 1024 * 1024;

const compressChunk = promisify(zstdCompress);

export interface FrameHeader {
  readonly headerBytes: number;
  /** Of the lines in it. */
  readonly contentBytes: number;
  readonly checksum: boolean;
}

/** Takes the bytes at a frame's start; undefined when no frame of ours begins there. */
export function parseFrameHeader(bytes: Buffer): FrameHeader | undefined {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  const descriptor = bytes[4] as number;
  const single = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? Number(single) : 1 << sizeFlag;
  const sizeAt = 5 + Number(!single) + dictionaryBytes;
  if (sizeBytes === 0 || bytes.length < sizeAt + sizeBytes) return undefined;
  const contentBytes =
    sizeBytes === 8
      ? Number(bytes.readBigUInt64LE(sizeAt))
      : bytes.readUIntLE(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  if (contentBytes > MAX_CONTENT_BYTES) return undefined;
  return { headerBytes: sizeAt + sizeBytes, contentBytes, checksum: (descriptor & 4) !== 0 };
}

/**
 * Length of a whole frame, by its blocks' headers.
 * @param read gives 3 bytes of the file, fewer behind its end
 * @returns bytes from the frame's start, undefined when it is cut off or is none
 */
export async function frameBytes(
  { headerBytes, checksum }: FrameHeader,
  read: (offset: number) => Promise<Buffer>,
): Promise<number | undefined> {
  let at = headerBytes;
  for (;;) {
    const bytes = await read(at);
    if (bytes.length < BLOCK_HEADER_BYTES) return undefined;
    const header = bytes.readUIntLE(0, BLOCK_HEADER_BYTES);
    const type = (header >> 1) & 3;
    if (type === 3) return undefined;
    // A block of type 1 is one byte that is repeated.
    at += BLOCK_HEADER_BYTES + (type === 1 ? 1 : header >> 3);
    if (header & 1) return at + (checksum ? CHECKSUM_BYTES : 0);
  }
}

/** One frame of these bytes; runs on the pool, in none of the agent's threads. */
export function compressFrame(lines: Buffer): Promise<Buffer> {
  return compressChunk(lines, {
    // Without it the header says no content size.
    pledgedSrcSize: lines.length,
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}

/** A millisecond for a megabyte, in the calling thread: handing it to the pool takes longer. @throws when the frame is damaged */
export function decompressFrame(frame: Buffer, contentBytes: number): Buffer {
  return zstdDecompressSync(frame, { maxOutputLength: Math.max(1, contentBytes) });
}
