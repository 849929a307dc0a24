/**
 * The segment that is appended to: lines as they came, or a frame for each batch. A batch that was not taken whole leaves no byte.
 *
 * Frames are made in the journal's thread: for a megabyte that is about what write(2) of the lines would take, it keeps order and
 * back-pressure as they are, and the pool takes more CPU for the same (`npm run bench -- --only compression`). A batch of a quiet
 * tracer is a small frame, which compresses little; when the segment is full the packer makes full frames of such (packer.ts). A
 * dictionary would spare that, and make files that `zstdcat` cannot read.
 */
import { closeSync, ftruncateSync } from 'node:fs';
import { compressLines, PRELUDE_BYTES, withPrelude } from './frames.ts';
import {
  type Content,
  contentOf,
  openSegment,
  type Recovered,
  recoverSegment,
  writeWhole,
} from './segment.ts';
import { type SyncCounts, SyncedFile } from './sync.ts';

/** In which forms a segment is appended to. */
export type ActiveForm = 'plain' | 'live';

/** Lines of a frame, on the average, from which on longer ones would save next to nothing. */
const GOOD_FRAME_BYTES = 64 * 1024;

const EMPTY: Content = { documents: 0, numbered: 0, lines_bytes: 0, bytes: 0 };

/** Whole lines, as they go to disk. */
export interface Batch {
  readonly documents: number;
  readonly lines_bytes: number;
  /** What it takes of the disk. */
  readonly bytes: number;
  /** The lines, or a frame. */
  readonly content: Uint8Array;
}

/** @param lines not kept when they are compressed */
export function batchOf(form: ActiveForm, lines: Uint8Array, documents: number): Batch {
  const content = form === 'live' ? compressLines(lines) : lines;
  const bytes = content.length + (form === 'live' ? PRELUDE_BYTES : 0);
  return { documents, lines_bytes: lines.length, bytes, content };
}

export class ActiveSegment {
  readonly file: SyncedFile;
  readonly form: ActiveForm;
  readonly #isRecovered: boolean;
  #content: Content;
  #frames = 0;
  /** Size to cut the file back to: a refused batch left bytes that could not be cut off at once. */
  #cutTo: number | undefined;

  private constructor(file: SyncedFile, form: ActiveForm, content: Content, isRecovered: boolean) {
    this.file = file;
    this.form = form;
    this.#isRecovered = isRecovered;
    this.#content = content;
  }

  /** @throws the errno's error, EEXIST too */
  static create(path: string, form: ActiveForm, counts: SyncCounts): ActiveSegment {
    const file = new SyncedFile(openSegment(path, true), 'data', counts);
    return new ActiveSegment(file, form, EMPTY, false);
  }

  /** Opens one that is there, and cuts its torn end. @throws the errno's error */
  static recover(path: string, form: ActiveForm, counts: SyncCounts): [ActiveSegment, Recovered] {
    const fd = openSegment(path, false);
    try {
      const recovered = recoverSegment(fd, form);
      return [
        new ActiveSegment(new SyncedFile(fd, 'data', counts), form, recovered, recovered.bytes > 0),
        recovered,
      ];
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Of the file, as it was left. */
  get bytes(): number {
    return this.#content.bytes;
  }

  get lines_bytes(): number {
    return this.#content.lines_bytes;
  }

  /** Whether to compress it, or to do so anew, would save next to nothing. What was written before it was recovered may be anything. */
  get isDense(): boolean {
    const isKnown = this.form === 'live' && !this.#isRecovered;
    return isKnown && this.#frames > 0 && this.lines_bytes / this.#frames >= GOOD_FRAME_BYTES;
  }

  /** Returned: write(2) took all of it. @throws the errno's error, after which the file ends where it did before */
  append(batch: Batch): void {
    const { documents, numbered, lines_bytes, bytes } = this.#content;
    const { content } = batch;
    const place = { documents_before: numbered, offset: lines_bytes };
    const prelude = { ...place, ...batch, frame_bytes: content.length };
    try {
      writeWhole(this.file.fd, this.form === 'live' ? withPrelude(prelude, content) : content);
    } catch (error) {
      this.#cutTo = bytes;
      try {
        this.cut();
      } catch {
        // The write's error is the one to report; the next append cuts before it writes, and a restart cuts as well.
      }
      throw error;
    }
    this.#frames++;
    this.#content = {
      documents: documents + batch.documents,
      numbered: numbered + batch.documents,
      lines_bytes: lines_bytes + batch.lines_bytes,
      bytes: bytes + batch.bytes,
    };
  }

  /** Takes away what a refused batch has left, if it is still there. @throws the errno's error */
  cut(): void {
    if (this.#cutTo === undefined) return;
    ftruncateSync(this.file.fd, this.#cutTo);
    this.#cutTo = undefined;
  }

  /** What is in it, now that others have made it this long. @throws the errno's error */
  contentOf(found_bytes: number): Content {
    return contentOf(this.file.fd, this.form, found_bytes);
  }

  /** Empties it, when none of it is a document. @throws the errno's error; `cut` tries again */
  clear(): void {
    this.#cutTo = 0;
    this.cut();
    this.#content = EMPTY;
    this.#frames = 0;
  }
}
