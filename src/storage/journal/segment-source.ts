/** Reading one segment, compressed or not: offsets count bytes of lines in both cases, so a position outlives compression. */
import type { FileHandle } from 'node:fs/promises';
import { constants, open } from 'node:fs/promises';
import { join } from 'node:path';
import { segmentName } from './segment.ts';
import {
  decompressFrame,
  type FrameHeader,
  frameBytes,
  MAX_HEADER_BYTES,
  parseFrameHeader,
} from './zstd-frames.ts';

const WINDOW_BYTES = 256 * 1024;

export interface SegmentSource {
  /**
   * Reads lines from an offset, into the start of `buffer`.
   * @returns bytes that were read, 0 at the end; `skipTo` when what is there is damaged, and where to go on
   */
  read(buffer: Buffer, offset: number): Promise<{ readonly bytes: number; readonly skipTo?: number }>;
  close(): Promise<void>;
}

/** @returns undefined when the segment is gone in either form */
export async function openSource(directory: string, first: number): Promise<SegmentSource | undefined> {
  // In this order: the compressed form gets its name before the other one goes.
  for (const packed of [false, true]) {
    try {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
      const handle = await open(join(directory, segmentName(first, packed)), flags);
      return packed ? new PackedSource(handle) : new PlainSource(handle);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

class PlainSource implements SegmentSource {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(buffer: Buffer, offset: number): Promise<{ readonly bytes: number }> {
    return { bytes: await readFully(this.#handle, buffer, offset) };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

interface Frame {
  /** In the file. */
  readonly at: number;
  readonly bytes: number;
  /** Of the lines. */
  readonly start: number;
  readonly end: number;
}

class PackedSource implements SegmentSource {
  readonly #handle: FileHandle;
  /** Found so far, from the first on. */
  readonly #frames: Frame[] = [];
  #complete = false;
  #window = { start: 0, content: Buffer.alloc(0) as Buffer };
  /** The newest frame that was read. */
  #content: { readonly frame: Frame; readonly lines: Buffer } | undefined;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(buffer: Buffer, offset: number): Promise<{ readonly bytes: number; readonly skipTo?: number }> {
    const frame = await this.#find(offset);
    if (!frame) return { bytes: 0 };
    const lines = await this.#linesOf(frame);
    if (!lines) return { bytes: 0, skipTo: frame.end };
    return { bytes: lines.copy(buffer, 0, offset - frame.start) };
  }

  async close(): Promise<void> {
    this.#content = undefined;
    await this.#handle.close();
  }

  async #find(offset: number): Promise<Frame | undefined> {
    while (!this.#complete && (this.#frames.at(-1)?.end ?? 0) <= offset) await this.#next();
    return this.#frames.findLast(({ start, end }) => start <= offset && offset < end);
  }

  /** Looks at one frame more. What is no frame ends the segment: its rest cannot be told apart. */
  async #next(): Promise<void> {
    const last = this.#frames.at(-1);
    const at = last ? last.at + last.bytes : 0;
    const start = last?.end ?? 0;
    const header = parseFrameHeader(await this.#bytes(at, MAX_HEADER_BYTES));
    const bytes = header && (await this.#lengthOf(header, at));
    if (header === undefined || bytes === undefined) this.#complete = true;
    else this.#frames.push({ at, bytes, start, end: start + header.contentBytes });
  }

  #lengthOf(header: FrameHeader, at: number): Promise<number | undefined> {
    return frameBytes(header, (offset) => this.#bytes(at + offset, 3));
  }

  async #linesOf(frame: Frame): Promise<Buffer | undefined> {
    if (this.#content?.frame === frame) return this.#content.lines;
    try {
      const lines = decompressFrame(await this.#bytes(frame.at, frame.bytes), frame.end - frame.start);
      if (lines.length !== frame.end - frame.start) return undefined;
      this.#content = { frame, lines };
      return lines;
    } catch {
      return undefined;
    }
  }

  /** Reads ahead: a frame's header, those of its blocks, and the blocks are looked at one after the other. */
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
