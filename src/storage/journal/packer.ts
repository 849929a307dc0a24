/**
 * Compresses full segments, one after the other, in the background: reading and compressing run on libuv's pool, a megabyte at a
 * time, and the file that was written goes when the other has reached the disk. One that was compressed as it was written gets full
 * frames that way, or where they are full enough only its name.
 *
 *   N.ndjson, N.live.ndjson.zst ──► N.ndjson.zst.tmp ──fdatasync──► N.ndjson.zst, and the other goes, in one step of the journal's thread
 */
import { lstatSync, renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../sdk/context.ts';
import { countLines } from './bookmark.ts';
import { compressLinesOnPool, FRAME_BYTES, withPrelude } from './frames.ts';
import { type Segment, segmentName } from './segment.ts';
import { openForm, type SegmentSource } from './segment-source.ts';

const NEWLINE = 10;
/** What a crash leaves of a segment that was being compressed. */
export const UNFINISHED: string = '.zst.tmp';

interface PackJob {
  readonly directory: string;
  readonly segment: Segment;
  /** Its frames are full enough already. */
  readonly isDense: boolean;
  /** Whether the stream still has the segment. */
  isKept(): boolean;
  /** It is compressed now; the segment's numbers say so. */
  done(): void;
}

export interface PackCounts {
  segments: number;
  bytes_before: number;
  bytes_after: number;
  errors: number;
}

export class SegmentPacker {
  readonly counts: PackCounts = { segments: 0, bytes_before: 0, bytes_after: 0, errors: 0 };
  readonly #log: Log;
  readonly #queue: PackJob[] = [];
  #run: Promise<void> | undefined;
  #closed = false;
  #failed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Compresses a segment that is not written any more, some time. */
  add(job: PackJob): void {
    if (this.#closed) return;
    this.#queue.push(job);
    this.#start();
  }

  /** Resolves when all that was added has been compressed, or has failed. */
  async idle(): Promise<void> {
    while (this.#run) await this.#run;
  }

  /** Gives up what is not finished: the next start begins it again. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.length = 0;
    await this.#run;
  }

  #start(): void {
    this.#run ??= this.#packAll().finally(() => {
      this.#run = undefined;
      // Added when the last one had been taken.
      if (this.#queue.length > 0) this.#start();
    });
  }

  async #packAll(): Promise<void> {
    for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
      const unfinished = join(job.directory, segmentName(job.segment.first) + UNFINISHED);
      try {
        if (!job.isKept()) continue;
        if (job.isDense) this.#rename(job);
        else if (await this.#pack(job, unfinished)) this.#replace(job, unfinished);
        this.#failed = false;
      } catch (error) {
        this.counts.errors++;
        // It stays as it is, which costs space and nothing else.
        if (!this.#failed) this.#log.warn('cannot compress a journal segment', { error });
        this.#failed = true;
      }
      rmSync(unfinished, { force: true });
    }
  }

  /** @returns whether the file is whole; false when the work was given up */
  async #pack({ directory, segment, isKept }: PackJob, unfinished: string): Promise<boolean> {
    await using source = await openForm(directory, segment);
    await using target = await open(unfinished, 'wx', 0o600);
    for await (const frame of fullFrames(source)) {
      if (this.#closed || !isKept()) return false;
      await writeFully(target, frame);
    }
    await target.datasync();
    await target.utimes(segment.written_ms / 1000, segment.written_ms / 1000);
    return !this.#closed;
  }

  #replace(job: PackJob, unfinished: string): void {
    const { directory, segment, isKept } = job;
    // No await from here on: the journal, in the same thread, cannot expire it in between.
    if (!isKept()) return;
    const { size } = lstatSync(unfinished);
    const former = join(directory, segmentName(segment.first, segment.form));
    if (size >= segment.bytes) {
      if (segment.form === 'live') this.#rename(job);
      return;
    }
    renameSync(unfinished, join(directory, segmentName(segment.first, 'packed')));
    rmSync(former, { force: true });
    this.#done(job, size);
  }

  #rename(job: PackJob): void {
    const { directory, segment } = job;
    const [from, to] = [segment.form, 'packed' as const].map((form) =>
      join(directory, segmentName(segment.first, form)),
    );
    renameSync(from as string, to as string);
    this.#done(job, segment.bytes);
  }

  #done({ segment, done }: PackJob, bytes: number): void {
    this.counts.segments++;
    this.counts.bytes_before += segment.bytes;
    this.counts.bytes_after += bytes;
    segment.bytes = bytes;
    segment.form = 'packed';
    done();
  }
}

/** The lines of a segment in frames that are full. Places and numbers stay what they are, also behind lines that are damaged. */
async function* fullFrames(source: SegmentSource): AsyncGenerator<Buffer> {
  let place = { documents_before: 0, offset: 0 };
  let buffer = Buffer.allocUnsafe(FRAME_BYTES);
  for (;;) {
    const { bytes, skipTo } = await source.read(buffer, place.offset);
    if (skipTo) {
      place = skipTo;
      continue;
    }
    const end = buffer.subarray(0, bytes).lastIndexOf(NEWLINE) + 1;
    if (end === 0 && bytes === buffer.length) {
      buffer = Buffer.allocUnsafe(buffer.length * 2);
      continue;
    }
    // Bytes behind the last newline are a torn end, which no reader gives.
    if (end === 0) return;
    const lines = buffer.subarray(0, end);
    const documents = countLines(lines);
    const frame = await compressLinesOnPool(lines);
    yield withPrelude({ ...place, documents, lines_bytes: end, frame_bytes: frame.length }, frame);
    place = { documents_before: place.documents_before + documents, offset: place.offset + end };
  }
}

async function writeFully(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}
