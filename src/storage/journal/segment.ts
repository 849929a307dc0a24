/**
 * One segment file: `<first sequence, 20 digits>.ndjson`, whole lines only; `….ndjson.zst` once it is full and compressed.
 *
 * The name is the number of documents that the tracer wrote before this file, so names sort by age, and name + lines is
 * the next document's number.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

const NEWLINE = 10;
const CHUNK_BYTES = 1024 * 1024;
const PACKED = '.zst';

/** A segment as its stream keeps it in mind. */
export interface Segment {
  readonly first: number;
  bytes: number;
  /** When it was last written, in ms since the epoch: what "oldest" means between tracers. */
  written_ms: number;
  /** It is compressed, and `bytes` is what that takes. */
  packed: boolean;
}

export function segmentName(first: number, packed = false): string {
  return `${String(first).padStart(20, '0')}.ndjson${packed ? PACKED : ''}`;
}

/** What a segment's file name says; undefined when it is not a segment's name. */
export function parseSegmentName(name: string): Pick<Segment, 'first' | 'packed'> | undefined {
  const [, digits, packed] = /^(\d{20})\.ndjson(\.zst)?$/.exec(name) ?? [];
  const first = Number(digits);
  return Number.isSafeInteger(first) ? { first, packed: packed !== undefined } : undefined;
}

/**
 * The segments of a directory, oldest first. One that is there in both forms, because compressing it was cut short just before
 * its end, counts as compressed: that form is complete when it has its name.
 * @param alien gets the path of everything else that lies there
 */
export function listSegments(directory: string, alien: (path: string) => void): Segment[] {
  const segments = new Map<number, Segment>();
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const named = entry.isFile() ? parseSegmentName(entry.name) : undefined;
    if (named === undefined) {
      alien(path);
      continue;
    }
    if (segments.get(named.first)?.packed) continue;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats) segments.set(named.first, { ...named, bytes: stats.size, written_ms: stats.mtimeMs });
  }
  return [...segments.values()].sort((a, b) => a.first - b.first);
}

/** Opens a segment for appending, mode 0600 whatever the umask. `create`: it must not exist yet; else it must. */
export function openSegment(path: string, create: boolean): number {
  const { O_RDWR, O_APPEND, O_NOFOLLOW, O_CREAT, O_EXCL } = constants;
  const fd = openSync(path, O_RDWR | O_APPEND | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), 0o600);
  fchmodSync(fd, 0o600);
  return fd;
}

/** Appends all bytes, however many writes that takes. A failure may leave the first of them in the file. */
export function writeWhole(fd: number, lines: Uint8Array): void {
  for (let written = 0; written < lines.length; ) {
    const step = writeSync(fd, lines, written, lines.length - written);
    if (step === 0) throw new Error('write(2) took no bytes');
    written += step;
  }
}

export interface Recovered {
  /** Whole lines that are left. */
  readonly documents: number;
  /** Their bytes, the size of the file now. */
  readonly bytes: number;
  readonly torn_documents: number;
  readonly torn_bytes: number;
}

/**
 * Cuts what a crash left at the end of a segment and counts the lines before it. Torn are the bytes after the last
 * newline (a write that was interrupted) and last lines that hold a NUL: JSON text never does, but a file whose length
 * reached the disk before its data reads as zeroes after a power loss. Nothing else is cut: a line that merely looks
 * odd was acknowledged once.
 */
export function recoverSegment(fd: number): Recovered {
  const size = fstatSync(fd).size;
  let end = lastNewline(fd, size) + 1;
  let torn_documents = end < size ? 1 : 0;
  while (end > 0) {
    const start = lastNewline(fd, end - 1) + 1;
    if (!scan(fd, start, end, (chunk) => chunk.includes(0))) break;
    end = start;
    torn_documents++;
  }
  if (end < size) ftruncateSync(fd, end);
  return { documents: countLines(fd, end), bytes: end, torn_documents, torn_bytes: size - end };
}

/** Offset of the last newline before `end`, -1 when there is none. */
function lastNewline(fd: number, end: number): number {
  const buffer = Buffer.allocUnsafe(64 * 1024);
  for (let high = end; high > 0; ) {
    const low = Math.max(0, high - buffer.length);
    const chunk = readAt(fd, buffer, low, high);
    const at = chunk.lastIndexOf(NEWLINE);
    if (at >= 0) return low + at;
    high = low;
  }
  return -1;
}

/** Ends of lines in the first `end` bytes of a file. */
export function countLines(fd: number, end: number): number {
  let lines = 0;
  scan(fd, 0, end, (chunk) => {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines++;
    return false;
  });
  return lines;
}

/** Reads [start, end) in chunks until `stop` says true; tells whether it did. */
function scan(fd: number, start: number, end: number, stop: (chunk: Buffer) => boolean): boolean {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - start));
  for (let at = start; at < end; ) {
    const chunk = readAt(fd, buffer, at, end);
    if (stop(chunk)) return true;
    at += chunk.length;
  }
  return false;
}

/** A view of `buffer` with the file's bytes from `start`, up to `end` or as many as the buffer holds. */
function readAt(fd: number, buffer: Buffer, start: number, end: number): Buffer {
  const chunk = buffer.subarray(0, end - start);
  for (let filled = 0; filled < chunk.length; ) {
    const step = readSync(fd, chunk, filled, chunk.length - filled, start + filled);
    if (step === 0) throw new Error(`the segment became shorter than ${end} bytes while it was read`);
    filled += step;
  }
  return chunk;
}

/** A damaged one counts as empty. */
function countPacked(path: string): number {
  try {
    const lines = zstdDecompressSync(readFileSync(path));
    return lines.reduce((count, byte) => count + Number(byte === NEWLINE), 0);
  } catch {
    return 0;
  }
}

/** Whole lines of a segment that is not written any more. */
export function countDocuments(
  directory: string,
  { first, packed }: Pick<Segment, 'first' | 'packed'>,
): number {
  const path = join(directory, segmentName(first, packed));
  if (packed) return countPacked(path);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return countLines(fd, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}
