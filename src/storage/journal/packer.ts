/**
 * Compresses full segments, one after the other, in the background: reading and compressing run on libuv's pool, a megabyte at a
 * time, and the plain file goes when the other has reached the disk.
 *
 *   N.ndjson ──► N.ndjson.zst.tmp ──fdatasync──► N.ndjson.zst, and N.ndjson goes, in one step of the journal's thread
 */
import { renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../sdk/context.ts';
import { type Segment, segmentName } from './segment.ts';
import { compressFrame } from './zstd-frames.ts';

const NEWLINE = 10;
const FRAME_BYTES = 1024 * 1024;
/** What a crash leaves of a segment that was being compressed. */
export const UNFINISHED: string = '.zst.tmp';

export interface PackJob {
  readonly directory: string;
  readonly segment: Segment;
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
    this.#run ??= this.#packAll().finally(() => {
      this.#run = undefined;
    });
  }

  /** Resolves when all that was added has been compressed, or has failed. */
  async idle(): Promise<void> {
    await this.#run;
  }

  /** Gives up what is not finished: the next start begins it again. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.length = 0;
    await this.#run;
  }

  async #packAll(): Promise<void> {
    for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
      const unfinished = join(job.directory, segmentName(job.segment.first) + UNFINISHED);
      try {
        if (!job.isKept()) continue;
        const bytes = await this.#pack(job, unfinished);
        if (bytes !== undefined) this.#replace(job, unfinished, bytes);
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

  /** @returns bytes of the compressed file; undefined when the work was given up */
  async #pack({ directory, segment, isKept }: PackJob, unfinished: string): Promise<number | undefined> {
    await using source = await open(join(directory, segmentName(segment.first)), 'r');
    await using target = await open(unfinished, 'wx', 0o600);
    let written = 0;
    let buffer = Buffer.allocUnsafe(FRAME_BYTES);
    for (let at = 0; ; ) {
      if (this.#closed || !isKept()) return undefined;
      const { bytesRead } = await source.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) break;
      const end = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      if (end === 0 && bytesRead === buffer.length) {
        buffer = Buffer.allocUnsafe(buffer.length * 2);
        continue;
      }
      // Bytes behind the last newline are a torn end, which no reader gives.
      if (end === 0) break;
      written += await writeFully(target, await compressFrame(buffer.subarray(0, end)));
      at += end;
    }
    await target.datasync();
    const { atime, mtime } = await source.stat();
    await target.utimes(atime, mtime);
    return written;
  }

  #replace({ directory, segment, isKept, done }: PackJob, unfinished: string, bytes: number): void {
    // No await from here on: the journal, in the same thread, cannot expire it in between.
    if (!isKept() || bytes >= segment.bytes) return;
    renameSync(unfinished, join(directory, segmentName(segment.first, true)));
    rmSync(join(directory, segmentName(segment.first)), { force: true });
    this.counts.segments++;
    this.counts.bytes_before += segment.bytes;
    this.counts.bytes_after += bytes;
    segment.bytes = bytes;
    segment.packed = true;
    done();
  }
}

async function writeFully(file: FileHandle, bytes: Buffer): Promise<number> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
  return bytes.length;
}
