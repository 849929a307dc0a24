/**
 * Segment files, whole lines only, each in one of three forms:
 *
 *   <first sequence, 20 digits>.ndjson           lines, as they came
 *   <first sequence, 20 digits>.live.ndjson.zst  frames, one for each batch; in use, or not compressed anew yet
 *   <first sequence, 20 digits>.ndjson.zst       frames, full ones; not written any more
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
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { walkFrames } from './frame-walk.ts';

const NEWLINE = 10;
const CHUNK_BYTES = 1024 * 1024;

/** In the order in which a segment takes them; a later one is complete when it has its name. */
export type Form = 'plain' | 'live' | 'packed';
export const FORMS: readonly Form[] = ['plain', 'live', 'packed'];

const ENDINGS: Readonly<Record<Form, string>> = {
  plain: '.ndjson',
  live: '.live.ndjson.zst',
  packed: '.ndjson.zst',
};

/** What names a segment's file. */
export interface SegmentFile {
  readonly first: number;
  readonly form: Form;
}

/** A segment as its stream keeps it in mind. */
export interface Segment extends SegmentFile {
  form: Form;
  /** Of the file. */
  bytes: number;
  /** When it was last written, in ms since the epoch: what "oldest" means between tracers. */
  written_ms: number;
}

export function segmentName(first: number, form: Form = 'plain'): string {
  return `${String(first).padStart(20, '0')}${ENDINGS[form]}`;
}

/** What a segment's file name says; undefined when it is not a segment's name. */
export function parseSegmentName(name: string): SegmentFile | undefined {
  const first = Number(/^\d{20}(?=\.)/.exec(name)?.[0]);
  const form = FORMS.find((one) => name.slice(20) === ENDINGS[one]);
  return Number.isSafeInteger(first) && form ? { first, form } : undefined;
}

/**
 * The segments of a directory, oldest first. One that is there in two forms, because the change between them was cut short just
 * before its end, counts as the later one.
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
    const other = segments.get(named.first);
    if (other && FORMS.indexOf(other.form) > FORMS.indexOf(named.form)) continue;
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

/** What is in a segment. */
export interface Content {
  /** Documents that can be read. */
  readonly documents: number;
  /** Documents up to the last one that can be read: more than `documents` when some before it cannot. */
  readonly numbered: number;
  /** Bytes of lines up to there. */
  readonly lines_bytes: number;
  /** Of the file, up to there. */
  readonly bytes: number;
}

export interface Recovered extends Content {
  readonly torn_documents: number;
  readonly torn_bytes: number;
}

/**
 * Cuts what a crash left at the end of a segment.
 *
 * Torn are, of lines, the bytes after the last newline (a write that was interrupted) and last lines that hold a NUL: JSON text
 * never does, but a file whose length reached the disk before its data reads as zeroes after a power loss. Nothing else is cut: a
 * line that merely looks odd was acknowledged once. Of frames, the bytes behind the last one that is as it was made.
 */
export function recoverSegment(fd: number, form: Form): Recovered {
  const size = fstatSync(fd).size;
  const { torn_documents, ...content } = form === 'plain' ? wholeLines(fd, size) : walkFrames(fd, size);
  if (content.bytes < size) ftruncateSync(fd, content.bytes);
  return { ...content, torn_documents, torn_bytes: size - content.bytes };
}

function wholeLines(fd: number, size: number): Content & Pick<Recovered, 'torn_documents'> {
  let end = lastNewline(fd, size) + 1;
  let torn_documents = end < size ? 1 : 0;
  while (end > 0) {
    const start = lastNewline(fd, end - 1) + 1;
    if (!scan(fd, start, end, (chunk) => chunk.includes(0))) break;
    end = start;
    torn_documents++;
  }
  return { ...countLines(fd, end), torn_documents };
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

function countLines(fd: number, end: number): Content {
  let documents = 0;
  scan(fd, 0, end, (chunk) => {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) documents++;
    return false;
  });
  return { documents, numbered: documents, lines_bytes: end, bytes: end };
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

/** What the first `bytes` bytes of a segment's file hold. */
export function contentOf(fd: number, form: Form, bytes: number): Content {
  return form === 'plain' ? countLines(fd, bytes) : walkFrames(fd, bytes);
}

/** What is in a segment that is not written any more. */
export function readContent(directory: string, { first, form }: SegmentFile): Content {
  const fd = openSync(join(directory, segmentName(first, form)), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return contentOf(fd, form, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}
