/** Places in a tracer's stream that outlive compression, restarts, and whoever noted them. */
import { crc32 } from 'node:zlib';

const NEWLINE = 10;
/** Of a long line, its end is compared. */
const MAX_CHECK_BYTES = 64 * 1024;

/** A place between two documents. */
export interface Bookmark {
  /** Number of documents of this tracer before it. */
  readonly sequence: number;
  /** Name of its segment. */
  readonly segment: number;
  /** Bytes of lines before it in the segment. */
  readonly offset: number;
  /** CRC-32 of the last `checkBytes` bytes before it, which are the line before or the end of that. */
  readonly check: number;
  readonly checkBytes: number;
}

/** The start of a segment. */
export function startOf(first: number): Bookmark {
  return { sequence: first, segment: first, offset: 0, check: 0, checkBytes: 0 };
}

/**
 * The place behind some lines.
 * @param lines whole ones, from `start` on; @param documents their number
 */
export function advance(start: Bookmark, lines: Buffer, documents: number): Bookmark {
  if (lines.length === 0) return start;
  const before = lines.length > 1 ? lines.lastIndexOf(NEWLINE, lines.length - 2) : -1;
  const line = lines.subarray(Math.max(before + 1, lines.length - MAX_CHECK_BYTES));
  return {
    sequence: start.sequence + documents,
    segment: start.segment,
    offset: start.offset + lines.length,
    check: crc32(line),
    checkBytes: line.length,
  };
}

/** Ends of lines in a buffer. */
export function countLines(lines: Buffer): number {
  let count = 0;
  for (let at = lines.indexOf(NEWLINE); at >= 0; at = lines.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
