/** Reading one segment in any of its forms: offsets count bytes of lines in all of them, so a position outlives compression. */
import type { FileHandle } from 'node:fs/promises';
import { constants, open } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameIndex } from './frame-index.ts';
import { behind, type FramePlace, findFrame, linesOf, PRELUDE_BYTES } from './frames.ts';
import { identity } from './identity.ts';
import { FORMS, type SegmentFile, segmentName } from './segment.ts';

const WINDOW_BYTES = 256 * 1024;

/** A place in a segment. */
interface SegmentPlace {
  /** Bytes of lines before it. */
  readonly offset: number;
  readonly documents_before: number;
}

interface Lines {
  /** That were read, 0 at the end, and where something is damaged. */
  readonly bytes: number;
  /** What is there is damaged: where to go on. */
  readonly skipTo?: SegmentPlace;
}

export interface SegmentSource extends AsyncDisposable {
  /** Where its frames are, for who opens it again; undefined when it has none. */
  readonly index: FrameIndex | undefined;
  /** Reads lines from an offset, into the start of `buffer`. */
  read(buffer: Buffer, offset: number): Promise<Lines>;
}

/**
 * @param known index of a source that was open before, of any segment
 * @returns undefined when the segment is gone in every form
 */
export async function openSource(
  directory: string,
  first: number,
  known?: FrameIndex,
): Promise<SegmentSource | undefined> {
  // In this order: a later form gets its name before the other one goes.
  for (const form of FORMS) {
    try {
      return await openForm(directory, { first, form }, known);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

/** @throws the errno's error, ENOENT when it is in another form */
export async function openForm(
  directory: string,
  { first, form }: SegmentFile,
  known?: FrameIndex,
): Promise<SegmentSource> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
  const handle = await open(join(directory, segmentName(first, form)), flags);
  if (form === 'plain') return new PlainSource(handle);
  const file = identity(await handle.stat({ bigint: true }));
  return new FramedSource(handle, known?.file === file ? known : new FrameIndex(file));
}

class PlainSource implements SegmentSource {
  readonly index = undefined;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(buffer: Buffer, offset: number): Promise<Lines> {
    return { bytes: await readFully(this.#handle, buffer, offset) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

class FramedSource implements SegmentSource {
  readonly index: FrameIndex;
  readonly #handle: FileHandle;
  #window = { start: 0, content: Buffer.alloc(0) as Buffer };
  /** The newest frame that was read. */
  #newest: { readonly frame: FramePlace; readonly lines: Buffer } | undefined;

  constructor(handle: FileHandle, index: FrameIndex) {
    this.#handle = handle;
    this.index = index;
  }

  /** Frames that fit are read together: those of a quiet tracer have one document each. */
  async read(buffer: Buffer, offset: number): Promise<Lines> {
    let bytes = 0;
    while (bytes < buffer.length) {
      const next = await this.#readFrame(buffer.subarray(bytes), offset + bytes, bytes > 0);
      if (next.skipTo && bytes === 0) return next;
      if (next.skipTo || next.bytes === 0) break;
      bytes += next.bytes;
    }
    // What is read next may be written anew meanwhile: a refused batch is taken back.
    if (bytes === 0) this.#forget();
    return { bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    await this.#handle.close();
  }

  /** @param whole a frame that does not fit is left for the next time */
  async #readFrame(buffer: Buffer, offset: number, whole: boolean): Promise<Lines> {
    const frame = await this.#find(offset);
    if (!frame || (whole && frame.lines_bytes > buffer.length)) return { bytes: 0 };
    // A prelude before it is damaged.
    if (frame.offset > offset) return { bytes: 0, skipTo: frame };
    const lines = await this.#linesOf(frame);
    // It is being written, or is torn.
    if (lines === 'cut off') return { bytes: 0 };
    if (lines === 'damaged') {
      const documents_before = frame.documents_before + frame.documents;
      return { bytes: 0, skipTo: { offset: frame.offset + frame.lines_bytes, documents_before } };
    }
    return { bytes: lines.copy(buffer, 0, offset - frame.offset) };
  }

  /** The frame with an offset in it, or where that cannot be found the one behind it; undefined at the end of what there is. */
  async #find(offset: number): Promise<FramePlace | undefined> {
    const newest = this.#newest?.frame;
    if (newest && newest.offset <= offset && offset < newest.offset + newest.lines_bytes) return newest;
    let frame =
      newest && newest.offset <= offset ? await this.#locate(behind(newest)) : await this.#begin(offset);
    while (frame && frame.offset + frame.lines_bytes <= offset) {
      this.index.add(frame);
      frame = await this.#locate(behind(frame));
    }
    return frame;
  }

  /** A frame that is not behind an offset, and as near to it as is known. */
  async #begin(offset: number): Promise<FramePlace | undefined> {
    const start = this.index.before(offset);
    const frame = await this.#locate(start);
    if (start === 0 || frame?.at === start) return frame;
    // The file is not what it was.
    this.index.clear();
    return this.#locate(0);
  }

  async #locate(at: number): Promise<FramePlace | undefined> {
    const search = findFrame(at);
    let step = search.next();
    while (!step.done) step = search.next(await this.#bytes(step.value.at, step.value.bytes));
    return step.value;
  }

  async #linesOf(frame: FramePlace): Promise<Buffer | 'damaged' | 'cut off'> {
    if (this.#newest?.frame === frame) return this.#newest.lines;
    const bytes = await this.#bytes(frame.at + PRELUDE_BYTES, frame.frame_bytes);
    if (bytes.length < frame.frame_bytes) return 'cut off';
    const lines = linesOf(bytes, frame);
    if (!lines) return 'damaged';
    this.#newest = { frame, lines };
    return lines;
  }

  #forget(): void {
    this.#newest = undefined;
    this.#window = { start: 0, content: Buffer.alloc(0) };
  }

  /** Reads ahead: preludes and frames are looked at one after the other. */
  async #bytes(at: number, bytes: number): Promise<Buffer> {
    const { start, content } = this.#window;
    if (at >= start && at + bytes <= start + content.length)
      return content.subarray(at - start, at - start + bytes);
    const buffer = Buffer.allocUnsafe(Math.max(bytes, WINDOW_BYTES));
    const read = buffer.subarray(0, await readFully(this.#handle, buffer, at));
    this.#window = { start: at, content: read };
    return read.subarray(0, bytes);
  }
}

/** Fills the buffer, or as much of it as there is. */
async function readFully(handle: FileHandle, buffer: Buffer, offset: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
