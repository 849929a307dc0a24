/**
 * The segments of one stream as they should be: which there are, how many documents each holds, and what of them is gone. Others
 * can reach the directory too: logrotate renames, people delete, tools truncate.
 */
import { rmSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Log } from '../../sdk/context.ts';
import { Aliens } from './aliens.ts';
import { notWritable } from './directory.ts';
import { isStream, Losses } from './losses.ts';
import { UNFINISHED } from './packer.ts';
import {
  FORMS,
  type Form,
  listSegments,
  readContent,
  type Segment,
  type SegmentFile,
  segmentName,
} from './segment.ts';
import { readableDocuments } from './verify.ts';

/** For this long a loss is part of the state of now: until then someone has seen it, or an alert has. */
const SHOWN_MS = 300_000;

/** `sequence = stored + expired + lost`. */
interface StockCounts {
  readonly sequence: number;
  readonly stored: number;
  readonly expired: number;
  readonly lost: number;
}

export class SegmentStock {
  readonly #directory: string;
  readonly #log: Log;
  readonly #aliens: Aliens;
  /** Read with the first look at the directory. */
  #losses: Losses | undefined;
  #loss: { readonly text: string; readonly time_ms: number } | undefined;
  #segments: readonly Segment[] = [];
  #next = 0;
  /** Segments that `verify` has read. */
  readonly #verified = new WeakSet<Segment>();

  /** @param directory of the stream; it need not exist yet */
  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
    this.#aliens = new Aliens(log);
  }

  /** Oldest first; the last one is appended to, unless there is none. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get newest(): Segment | undefined {
    return this.#segments.at(-1);
  }

  /** Number that the next document gets. */
  get next(): number {
    return this.#next;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get counts(): StockCounts {
    const { oldest } = this;
    const lost = (from: number, to?: number): number => this.#losses?.within(from, to) ?? 0;
    return {
      sequence: this.#next,
      stored: this.#next - oldest - lost(oldest),
      expired: oldest - lost(0, oldest),
      lost: lost(0),
    };
  }

  /** What was lost in the last minutes; undefined when nothing was. */
  get recentLoss(): string | undefined {
    const loss = this.#loss;
    return loss && performance.now() - loss.time_ms < SHOWN_MS ? loss.text : undefined;
  }

  /** Numbers below this are not on disk. */
  get oldest(): number {
    return this.#segments[0]?.first ?? this.#next;
  }

  path({ first, form }: SegmentFile): string {
    return join(this.#directory, segmentName(first, form));
  }

  /**
   * Takes what lies in the directory for the stock; what was there before and is not is counted.
   * @throws DIRECTORY_NOT_WRITABLE when it is a directory of others, or the errno's error
   */
  take(): void {
    const found = this.#list();
    if (found.length === 0 && this.#aliens.any && !isStream(this.#directory))
      throw notWritable(this.#directory, 'a directory with files of others in it');
    this.#losses ??= new Losses(this.#directory);
    this.#countMissing(found);
    this.#segments = found;
    const { newest } = this;
    if (newest?.form === 'packed') this.counted(newest.first + readContent(this.#directory, newest).numbered);
  }

  /** Documents up to this number were given one. */
  counted(next: number): void {
    this.#next = Math.max(this.#next, next);
  }

  /**
   * A new segment was made, for the documents from the next one on. One of another form that has their numbers and no document goes.
   * @throws the errno's error
   */
  begin(form: Form): void {
    const segment = { first: this.#next, form, bytes: 0, written_ms: Date.now() };
    const former = this.newest?.first === this.#next ? this.newest : undefined;
    if (former) unlinkSync(this.path(former));
    this.#segments = [...this.#segments.filter((one) => one !== former), segment];
  }

  /** Deletes the oldest segment. @throws the errno's error */
  expire(): void {
    const [oldest, ...others] = this.#segments;
    if (!oldest) return;
    try {
      unlinkSync(this.path(oldest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.cut(oldest, 0);
    }
    this.#segments = others;
  }

  /**
   * Looks whether every segment is there and as it was left; counts what is gone.
   * @returns false when the newest one is gone: the stock is to be taken anew
   * @throws the errno's error
   */
  inspect(): boolean {
    const found = new Map(listSegments(this.#directory, () => undefined).map((one) => [one.first, one]));
    this.#countMissing([...found.values()]);
    if (!this.newest || !found.has(this.newest.first)) return false;
    this.#segments = this.#segments.filter(({ first }) => found.has(first));
    for (const segment of this.#segments.slice(0, -1)) {
      const now = found.get(segment.first);
      if (!now || now.form !== segment.form || now.bytes === segment.bytes) continue;
      const lost_documents = this.cut(segment, readContent(this.#directory, segment).documents);
      this.#log.warn('a journal segment was changed by others', {
        path: this.path(segment),
        lost_documents,
      });
      segment.bytes = now.bytes;
    }
    this.save();
    return true;
  }

  /**
   * Reads one compressed segment that has not been read since the stock was made: bits rot, and others write while no agent runs.
   * Counts what is damaged in it.
   * @returns whether there was one @throws the errno's error
   */
  async verify(): Promise<boolean> {
    const segment = this.#segments
      .slice(0, -1)
      .find((one) => one.form !== 'plain' && !this.#verified.has(one));
    if (!segment) return false;
    this.#verified.add(segment);
    const { first, form } = segment;
    const documents = await readableDocuments(this.#directory, { first, form });
    // Meanwhile it may have expired, or been compressed anew.
    if (documents === undefined || segment.form !== form || !this.#segments.slice(0, -1).includes(segment))
      return true;
    const lost_documents = this.cut(segment, documents, 'frames are damaged in');
    if (lost_documents === 0) return true;
    this.#log.warn('a journal segment has damaged frames', { path: this.path(segment), lost_documents });
    this.save();
    return true;
  }

  /** Of a segment, `left` documents are there. @returns how many more are gone than was known */
  cut(segment: Segment, left: number, what = 'others deleted, renamed or cut'): number {
    const end = this.#segments[this.#segments.indexOf(segment) + 1]?.first ?? this.#next;
    const known = this.#losses?.within(segment.first, end) ?? 0;
    const lost = Math.max(0, end - segment.first - known - left);
    this.#losses?.add(segment.first + left, lost);
    if (lost > 0) {
      const text = `${what} ${this.path(segment)}, with ${lost} documents`;
      this.#loss = { text, time_ms: performance.now() };
    }
    return lost;
  }

  /** Writes down what is lost, where that has changed or is written nowhere. */
  save(): void {
    this.#losses?.save(this.oldest, this.#next);
  }

  #countMissing(found: readonly Segment[]): void {
    for (const segment of this.#segments) {
      if (found.some(({ first }) => first === segment.first)) continue;
      const lost_documents = this.cut(segment, 0);
      if (lost_documents > 0)
        this.#log.warn('a journal segment was taken away by others', {
          path: this.path(segment),
          lost_documents,
        });
    }
  }

  #list(): Segment[] {
    // At the first look nothing is being compressed: what looks like it is what a crash has left.
    const cleanup = this.#losses === undefined;
    const segments = listSegments(this.#directory, (path) => {
      if (path.endsWith(UNFINISHED)) {
        if (cleanup) rmSync(path, { force: true });
      } else if (!basename(path).startsWith('.')) this.#aliens.add(basename(path));
    });
    this.#aliens.tell(this.#directory, 'a journal segment');
    if (!cleanup) return segments;
    // The change to another form was cut short between its last two steps.
    for (const { first, form } of segments)
      for (const former of FORMS.slice(0, FORMS.indexOf(form)))
        rmSync(this.path({ first, form: former }), { force: true });
    return segments;
  }
}
