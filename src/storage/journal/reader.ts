/**
 * Reads one tracer's documents, in order, while the journal appends to them, compresses, expires and repairs them. It needs the
 * directory and nothing else, so any thread or process can have one.
 *
 *   segment 0            segment 41,233                  (being written)
 *   ├──── block ────┼──── block ────┤├── block ──┼── …   whole lines; a block ends within one segment
 *                                   ▲
 *                               bookmark: where it ends, by sequence number and by place, and a checksum of the line before
 *
 * What is missing between two blocks is counted, exactly: segments and frames carry the number of documents before them. A bookmark that does
 * not fit what lies there (a power failure cut the file, a refused batch was taken back) leads to the start of its segment:
 * documents may come again then, none is passed over.
 */
import { crc32 } from 'node:zlib';
import { advance, type Bookmark, countLines, startOf } from './bookmark.ts';
import type { FrameIndex } from './frame-index.ts';
import { listSegments, type Segment } from './segment.ts';
import { openSource, type SegmentSource } from './segment-source.ts';

const NEWLINE = 10;
const BLOCK_BYTES = 1024 * 1024;
/** A line that is longer is damage; batches are limited to half of this. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

export interface Block {
  /** Whole lines; good until the next call. Empty when only a loss is to be told. */
  readonly lines: Buffer;
  readonly documents: number;
  /** Where it begins and ends. */
  readonly start: Bookmark;
  readonly end: Bookmark;
  /** Documents that should have been before it and are not there any more. */
  readonly lost: number;
  /** What follows was, or may have been, read before. */
  readonly repeats: boolean;
}

/** Where to begin: a bookmark, the oldest document, the newest, or the one with a number. */
export type From = Bookmark | 'start' | 'end' | { readonly sequence: number };

export class StreamReader {
  readonly #directory: string;
  #from: From | undefined;
  #segment: number | undefined;
  #source: SegmentSource | undefined;
  /** Outlives the source: it is of use when the same file is opened again. */
  #index: FrameIndex | undefined;
  #place: Bookmark = { sequence: 0, segment: 0, offset: 0, check: 0, checkBytes: 0 };
  /** The end was seen; before more is read, what was read last must still be there. */
  #atEnd = false;
  #lost = 0;
  #repeats = false;
  #buffer: Buffer;
  readonly #blockBytes: number;

  /** @param directory the tracer's own; it need not exist yet */
  constructor(directory: string, from: From, blockBytes: number = BLOCK_BYTES) {
    this.#directory = directory;
    this.#from = from;
    this.#blockBytes = blockBytes;
    this.#buffer = Buffer.alloc(0);
  }

  /** Where the next block begins. */
  get place(): Bookmark {
    return this.#place;
  }

  /**
   * The next whole lines, up to the block size unless one line is longer.
   * @returns undefined when there is nothing more at this moment
   * @throws the errno's error, e.g. EIO; the next call tries again
   */
  async next(): Promise<Block | undefined> {
    if (this.#buffer.length < this.#blockBytes) this.#buffer = Buffer.allocUnsafe(this.#blockBytes);
    if (this.#from !== undefined && !(await this.#begin(this.#from))) return undefined;
    this.#from = undefined;
    for (;;) {
      if (this.#atEnd && !(await this.#isPlaceValid(this.#place))) this.#rewind();
      const block = await this.#readBlock();
      if (block) return block;
      const next = this.#list().find(({ first }) => this.#segment === undefined || first > this.#segment);
      if (!next) {
        this.#atEnd = true;
        return this.#lost > 0 ? this.#blockOf(0) : undefined;
      }
      // It may have been appended to after it was read and before the next one was made.
      const late = await this.#readBlock();
      if (late) return late;
      const { sequence } = this.#place;
      await this.#open(next.first);
      if (next.first > sequence) this.#lost += next.first - sequence;
    }
  }

  /** Lets go of file and buffer until the next call: a file that has been deleted takes space for as long as it is open. */
  async release(): Promise<void> {
    if (this.#source) this.#from = this.#place;
    await this.close();
  }

  /** Lets go of file and buffer. */
  async close(): Promise<void> {
    await this.#source?.[Symbol.asyncDispose]();
    this.#source = undefined;
    this.#buffer = Buffer.alloc(0);
  }

  async #begin(from: From): Promise<boolean> {
    const segments = this.#list();
    const [oldest] = segments;
    const newest = segments.at(-1);
    if (!oldest || !newest) return false;
    if (from === 'start') await this.#open(oldest.first);
    else if (from === 'end') await this.#skipTo(newest.first, Number.POSITIVE_INFINITY);
    else if ('offset' in from) await this.#resume(from, segments);
    else {
      const holder = segments.findLast(({ first }) => first <= from.sequence) ?? oldest;
      await this.#skipTo(holder.first, from.sequence);
      if (this.#place.sequence > from.sequence) this.#lost += this.#place.sequence - from.sequence;
    }
    return true;
  }

  async #resume(from: Bookmark, segments: readonly Segment[]): Promise<void> {
    if (segments.some(({ first }) => first === from.segment)) {
      await this.#open(from.segment);
      this.#place = from;
      if (!(await this.#isPlaceValid(from))) this.#rewind();
      return;
    }
    const next = segments.find(({ first }) => first > from.segment);
    if (next && next.first >= from.sequence) {
      this.#lost += next.first - from.sequence;
      await this.#open(next.first);
    } else {
      // Another journal than the one it was made in.
      await this.#open((segments[0] as Segment).first);
      this.#repeats = true;
    }
  }

  /** Goes to a document by counting lines from the start of its segment, or to the segment's end. */
  async #skipTo(first: number, sequence: number): Promise<void> {
    await this.#open(first);
    while (this.#place.sequence < sequence) {
      const block = await this.#readBlock();
      if (!block) return;
      const wanted = sequence - block.start.sequence;
      if (block.documents <= wanted) continue;
      let bytes = 0;
      for (let line = 0; line < wanted; line++) bytes = block.lines.indexOf(NEWLINE, bytes) + 1;
      this.#place = advance(block.start, block.lines.subarray(0, bytes), wanted);
    }
  }

  async #readBlock(): Promise<Block | undefined> {
    if (!this.#source) return undefined;
    for (;;) {
      const { bytes, skipTo } = await this.#source.read(this.#buffer, this.#place.offset);
      if (skipTo) {
        const sequence = this.#place.segment + skipTo.documents_before;
        this.#lost += Math.max(0, sequence - this.#place.sequence);
        this.#place = { ...this.#place, sequence, offset: skipTo.offset, check: 0, checkBytes: 0 };
        continue;
      }
      const end = this.#buffer.subarray(0, bytes).lastIndexOf(NEWLINE) + 1;
      if (end > 0) return this.#blockOf(end);
      if (bytes < this.#buffer.length || this.#buffer.length >= MAX_LINE_BYTES) return undefined;
      this.#buffer = Buffer.allocUnsafe(this.#buffer.length * 2);
    }
  }

  #blockOf(bytes: number): Block {
    const lines = this.#buffer.subarray(0, bytes);
    const documents = countLines(lines);
    const start = this.#place;
    const end = advance(start, lines, documents);
    const block = { lines, documents, start, end, lost: this.#lost, repeats: this.#repeats };
    this.#place = end;
    this.#lost = 0;
    this.#repeats = false;
    this.#atEnd = false;
    return block;
  }

  async #open(first: number): Promise<void> {
    await this.#source?.[Symbol.asyncDispose]();
    this.#source = undefined;
    this.#source = await openSource(this.#directory, first, this.#index);
    this.#index = this.#source?.index;
    this.#segment = first;
    this.#place = startOf(first);
    this.#atEnd = false;
  }

  #rewind(): void {
    this.#place = startOf(this.#place.segment);
    this.#repeats = true;
    this.#atEnd = false;
  }

  async #isPlaceValid({ offset, check, checkBytes }: Bookmark): Promise<boolean> {
    if (!this.#source || checkBytes === 0) return true;
    const buffer = Buffer.allocUnsafe(checkBytes);
    let filled = 0;
    while (filled < checkBytes) {
      const { bytes } = await this.#source.read(buffer.subarray(filled), offset - checkBytes + filled);
      if (bytes === 0) return false;
      filled += bytes;
    }
    return crc32(buffer) === check;
  }

  #list(): Segment[] {
    try {
      return listSegments(this.#directory, () => undefined);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}
