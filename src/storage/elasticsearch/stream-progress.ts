/** How far one tracer has been delivered, what may have been sent beyond that, and what the server may have already. */
import { type Bookmark, startOf } from '../journal/bookmark.ts';
import { listSegments } from '../journal/segment.ts';
import type { Cursor } from './cursor.ts';
import { Doubts } from './doubts.ts';
import { endOf } from './load.ts';

/** What the journal may write a second time after an end of its thread or of the agent. */
const REPEATED_DOCUMENTS = 50_000;

export class StreamProgress {
  readonly #tracer: string;
  readonly #directory: string;
  readonly #cursor: Cursor;
  /** Documents that are noted ahead, so that not every load waits for the disk. */
  readonly #ahead: number;
  readonly #doubts = new Doubts();
  #bookmark: Bookmark = startOf(0);
  #reserved = 0;
  #reserving: Promise<void> | undefined;

  constructor(tracer: string, directory: string, cursor: Cursor, ahead: number) {
    this.#tracer = tracer;
    this.#directory = directory;
    this.#cursor = cursor;
    this.#ahead = ahead;
  }

  /** Up to here everything is delivered. */
  get bookmark(): Bookmark {
    return this.#bookmark;
  }

  /** Goes on where the last run ended. @throws the errno's error */
  async begin(): Promise<void> {
    const noted = this.#cursor.get(this.#tracer);
    const [oldest] = listSegments(this.#directory, () => undefined);
    const end = await endOf(this.#directory);
    this.#bookmark = noted?.bookmark ?? startOf(oldest?.first ?? 0);
    this.#reserved = noted?.reserved ?? end;
    this.#doubts.add(this.#bookmark.sequence, this.#reserved);
    this.#doubts.add(end, end + REPEATED_DOCUMENTS);
    // From now on what the journal's bound deletes is a loss, also over a restart.
    if (!noted) await this.#save();
  }

  /** The journal was started again: what follows may be there twice. */
  async expectRepeats(): Promise<void> {
    const end = await endOf(this.#directory);
    this.#doubts.add(end, end + REPEATED_DOCUMENTS);
  }

  /** The journal was not as it was left: from here on everything in it may have been sent. */
  async doubtAllFrom({ sequence }: Bookmark): Promise<void> {
    this.#doubts.add(sequence, await endOf(this.#directory));
  }

  isDoubtful(start: Bookmark, end: Bookmark): boolean {
    return this.#doubts.touch(start.sequence, end.sequence);
  }

  /** Notes on disk that documents up to this one may have been sent, before any of them is. @throws the errno's error */
  async reserve({ sequence }: Bookmark): Promise<void> {
    const before = this.#reserved;
    if (sequence > before) {
      this.#reserved = sequence + this.#ahead;
      this.#reserving = this.#save().catch((error: unknown) => {
        this.#reserved = before;
        throw error;
      });
    }
    // Also for a load that is covered by a note which is still being written.
    await this.#reserving;
  }

  /** Everything up to a bookmark is delivered. Resolves when that is on the disk. @throws the errno's error */
  async deliveredTo(bookmark: Bookmark): Promise<void> {
    this.#bookmark = bookmark;
    this.#doubts.settle(bookmark.sequence);
    await this.#save();
  }

  /** What was sent since the bookmark will be sent again. @param sent end of the last load */
  startOver(sent: Bookmark | undefined): void {
    this.#reserving = undefined;
    if (sent) this.#doubts.add(this.#bookmark.sequence, sent.sequence);
  }

  async #save(): Promise<void> {
    await this.#cursor.set(this.#tracer, { bookmark: this.#bookmark, reserved: this.#reserved });
  }
}
