/** What one bulk request is made of: lines of the journal from one bookmark to the next. */
import { advance, type Bookmark } from '../journal/bookmark.ts';
import { type Block, StreamReader } from '../journal/reader.ts';
import { type Bulk, BulkBuilder } from './bulk.ts';
import type { DeadLetter } from './dead-letters.ts';

export interface Load {
  readonly bulk: Bulk;
  /** Lines that are no documents. */
  readonly damaged: readonly DeadLetter[];
  readonly start: Bookmark;
  readonly end: Bookmark;
  /** Documents that should have been before or in it, and are not there any more. */
  readonly lost: number;
  /** Some of it was, or may have been, read before. */
  readonly repeats: boolean;
  /** There may be more at once. */
  readonly full: boolean;
}

export class LoadReader {
  readonly #reader: StreamReader;
  /** What did not fit in the last load; bytes of the reader's own buffer. */
  #rest: Block | undefined;

  constructor(directory: string, from: Bookmark) {
    this.#reader = new StreamReader(directory, from);
  }

  /** @returns undefined when there is nothing to ship at this moment */
  async next(maxBytes: number, maxDocuments: number): Promise<Load | undefined> {
    const builder = new BulkBuilder(maxBytes, maxDocuments);
    let start: Bookmark | undefined;
    let end: Bookmark | undefined;
    let lost = 0;
    let repeats = false;
    while (!builder.full) {
      const block: Block | undefined = this.#rest ?? (await this.#reader.next());
      if (!block) break;
      start ??= block.start;
      lost += block.lost;
      repeats ||= block.repeats;
      const { bytes, lines } = builder.add(block.lines);
      const taken = block.lines.subarray(0, bytes);
      const all = bytes === block.lines.length;
      end = all ? block.end : advance(block.start, taken, lines);
      this.#rest = all
        ? undefined
        : {
            ...block,
            lines: block.lines.subarray(bytes),
            documents: block.documents - lines,
            start: end,
            lost: 0,
            repeats: false,
          };
    }
    if (!start || !end) return undefined;
    const damaged = builder.damaged.map(({ line }) => damagedLetter(line));
    return { bulk: builder.finish(), damaged, start, end, lost, repeats, full: builder.full };
  }

  /** Lets go of file and buffer until the next load. */
  async release(): Promise<void> {
    await this.#reader.release();
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}

/** Time of the first document, in milliseconds since the epoch. */
export function timeOf({ bulk }: Load): number | undefined {
  if (bulk.length === 0) return undefined;
  const time = Date.parse(bulk.document(0).toString('latin1', 15, 38).concat('Z'));
  return Number.isNaN(time) ? undefined : time;
}

/** Number that the next document of a tracer gets. */
export async function endOf(directory: string): Promise<number> {
  const reader = new StreamReader(directory, 'end');
  await reader.next();
  const { sequence } = reader.place;
  await reader.close();
  return sequence;
}

function damagedLetter(document: Buffer): DeadLetter {
  return { id: '', status: 0, type: 'damaged', reason: 'the line in the journal is no document', document };
}
