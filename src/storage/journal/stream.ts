/**
 * One tracer's stream: opened, recovered, appended to, rotated and expired. Everything here is synchronous.
 *
 * Before each append the name of the segment in use must still lead to the file that is open, and the file must be as long as
 * it was left; else what is gone is counted, and the stream goes on in a segment of its own. The closed segments are looked at
 * by `inspect` (stock.ts).
 */
import { closeSync, ftruncateSync, lstatSync } from 'node:fs';
import type { HuatuoError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import { openDirectory } from './directory.ts';
import { identity } from './identity.ts';
import type { SegmentPacker } from './packer.ts';
import { countLines, openSegment, recoverSegment, type Segment, writeWhole } from './segment.ts';
import { SegmentStock } from './stock.ts';
import type { JournalTracerStatus } from './stream-status.ts';
import { type JournalSync, SyncCounts, SyncedFile } from './sync.ts';

/** Senders try again each second: a refusal that is older says nothing about the disk of now. */
const REFUSING_MS = 30_000;

export interface StreamLimits {
  readonly segment_bytes: number;
  readonly segments: number;
}

/** What the streams of a journal share. */
export interface StreamServices {
  readonly sync: JournalSync;
  readonly log: Log;
  /** Whether the journal's directory is the one that was opened. */
  isHome(): boolean;
  /** Without it full segments stay as they were written. */
  readonly packer?: SegmentPacker;
}

/** The files of an open stream. */
interface OpenFiles {
  readonly directory: SyncedFile;
  active: SyncedFile;
}

export class JournalStream {
  readonly #path: string;
  readonly #limits: StreamLimits;
  readonly #services: StreamServices;
  readonly #syncCounts: SyncCounts;
  readonly #stock: SegmentStock;
  #files: OpenFiles | undefined;
  #refusal: { readonly error: HuatuoError; readonly time_ms: number } | undefined;
  /** Size to cut the active segment back to: a refused batch left bytes that could not be cut off at once. */
  #cutTo: number | undefined;
  /** Others have changed the active segment: what comes goes into another. */
  #changed = false;
  #documents = 0;
  #bytes = 0;
  #batches = 0;
  #refused_batches = 0;
  #repeated_batches = 0;
  #torn_documents = 0;
  #torn_bytes = 0;

  /** @param path the tracer's own directory; it is made by the first append or `open` */
  constructor(path: string, limits: StreamLimits, services: StreamServices) {
    this.#path = path;
    this.#limits = limits;
    this.#services = services;
    this.#syncCounts = new SyncCounts(path, services.log);
    this.#stock = new SegmentStock(path, services.log);
  }

  /** Bytes of all segments. */
  get diskBytes(): number {
    return this.#stock.bytes;
  }

  /** When the oldest segment with documents was last written; undefined when there are none. */
  get oldest_ms(): number | undefined {
    return this.#stock.segments.find((segment) => segment.bytes > 0)?.written_ms;
  }

  /**
   * Opens the directory and its newest segment, after cutting a torn tail; does nothing when that was done.
   * @throws DIRECTORY_NOT_WRITABLE, or the errno's error; the next append tries again
   */
  open(): void {
    if (this.#files) return;
    const directory = new SyncedFile(openDirectory(this.#path), 'directory', this.#syncCounts);
    try {
      this.#stock.take();
      this.#files = { directory, active: this.#openNewest() ?? this.#create() };
    } catch (error) {
      closeSync(directory.fd);
      throw error;
    }
    this.#stock.save();
    this.#services.sync.touch(directory);
    for (const segment of this.#stock.segments.slice(0, -1))
      if (!segment.packed) this.#pack(segment, directory);
  }

  /**
   * Appends whole lines. Returned: write(2) took all of them, and the file has the name of a segment.
   * @throws the errno's error, after which the segment ends where it did before
   */
  append(lines: Uint8Array, documents: number): void {
    const { active } = this.#writable(lines.length);
    const segment = this.#stock.newest as Segment;
    try {
      writeWhole(active.fd, lines);
    } catch (error) {
      this.#cutTo = segment.bytes;
      try {
        this.#cut(active.fd);
      } catch {
        // The write's error is the one to report; the next append cuts before it writes, and a restart cuts as well.
      }
      throw error;
    }
    segment.bytes += lines.length;
    segment.written_ms = Date.now();
    active.unsynced += documents;
    this.#stock.counted(this.#stock.next + documents);
    this.#documents += documents;
    this.#bytes += lines.length;
    this.#batches++;
    this.#services.sync.touch(active);
  }

  /** Notes that a batch was refused. @returns whether it is the first of a row */
  refused(error: HuatuoError): boolean {
    const isFirst = this.#refusal === undefined;
    this.#refused_batches++;
    this.#refusal = { error, time_ms: performance.now() };
    return isFirst;
  }

  /** Notes that a batch was taken. @returns how many were refused, when the one before was */
  accepted(): number | undefined {
    if (!this.#refusal) return undefined;
    this.#refusal = undefined;
    return this.#refused_batches;
  }

  /** Counts a batch that was not appended because it is on disk already. */
  repeated(): void {
    this.#repeated_batches++;
  }

  /**
   * Deletes the oldest segment that holds documents. The newest one is replaced by an empty one first: its name keeps
   * the sequence over a restart.
   */
  expireOldest(): void {
    this.open();
    const files = this.#files as OpenFiles;
    if (this.#stock.segments.length === 1) this.#roll(files);
    if (this.#stock.segments.length > 1) this.#expire(files);
  }

  /** Looks whether every segment is there and as it was left; counts what is gone. @throws the errno's error */
  inspect(): void {
    if (this.#files && !this.#stock.inspect()) this.reopen();
  }

  /** Lets go of the files and opens what has their names now. @throws as `open` */
  reopen(): void {
    const files = this.#files;
    this.#files = undefined;
    this.#cutTo = undefined;
    this.#changed = false;
    if (files) {
      this.#services.sync.seal(files.active);
      this.#services.sync.seal(files.directory);
    }
    this.open();
  }

  status(): JournalTracerStatus {
    const { last_ms, duration_ms, errors, lastError, failing, doubtful_documents } = this.#syncCounts;
    const { sequence, stored, expired, lost } = this.#stock.counts;
    const { recentLoss } = this.#stock;
    const refusal = this.#refusal;
    const isRefusing = refusal !== undefined && performance.now() - refusal.time_ms < REFUSING_MS;
    return {
      documents: this.#documents,
      bytes: this.#bytes,
      batches: this.#batches,
      refused_batches: this.#refused_batches,
      repeated_batches: this.#repeated_batches,
      sequence,
      stored_documents: stored,
      expired_documents: expired,
      lost_documents: lost,
      doubtful_documents,
      torn_documents: this.#torn_documents,
      torn_bytes: this.#torn_bytes,
      segments: this.#stock.segments.length,
      segment_bytes: this.diskBytes,
      fsync_age_ms: last_ms === undefined ? null : Math.max(0, Date.now() - last_ms),
      fsync_duration_ms: duration_ms,
      fsync_errors: errors,
      failing: failing || isRefusing || recentLoss !== undefined,
      last_error: refusal?.error.message ?? (failing ? undefined : recentLoss) ?? lastError?.message ?? null,
    };
  }

  /** Closes the descriptors; only after the last sync. */
  close(): void {
    if (!this.#files) return;
    closeSync(this.#files.active.fd);
    closeSync(this.#files.directory.fd);
    this.#files = undefined;
  }

  /** The open files, with an active segment that has its name, ends in a whole line and has room for `bytes`. */
  #writable(bytes: number): OpenFiles {
    this.open();
    let files = this.#files as OpenFiles;
    this.#cut(files.active.fd);
    const segment = this.#stock.newest as Segment;
    const path = this.#stock.path(segment);
    const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (!named || identity(named) !== files.active.identity) {
      this.#services.log.warn('the journal segment in use was deleted or renamed by others', { path });
      this.reopen();
      files = this.#files as OpenFiles;
    } else if (Number(named.size) !== segment.bytes) this.#accept(files.active, segment, Number(named.size));
    const { bytes: size } = this.#stock.newest as Segment;
    if (this.#changed || (size > 0 && size + bytes > this.#limits.segment_bytes)) this.#roll(files);
    return files;
  }

  /** The active segment was cut, or written to, by others: counts what is gone, and goes on in another. */
  #accept(active: SyncedFile, segment: Segment, found_bytes: number): void {
    const lost_documents = this.#stock.cut(segment, countLines(active.fd, found_bytes));
    this.#services.log.warn('the journal segment in use was changed by others', {
      path: this.#stock.path(segment),
      expected_bytes: segment.bytes,
      found_bytes,
      lost_documents,
    });
    this.#stock.save();
    segment.bytes = found_bytes;
    this.#changed = this.#stock.next > segment.first;
    if (this.#changed) return;
    // None of it is a document, and the next segment would have the same name.
    this.#cutTo = 0;
    this.#cut(active.fd);
    segment.bytes = 0;
  }

  /** Starts a new segment and hands the full one to the background sync. */
  #roll(files: OpenFiles): void {
    this.#cut(files.active.fd);
    const { segments: limit } = this.#limits;
    // Room first: on a full disk the new file may need what the oldest one holds.
    while (this.#stock.segments.length >= limit && this.#stock.segments.length > 1) this.#expire(files);
    const full = files.active;
    const segment = this.#stock.newest as Segment;
    files.active = this.#create();
    this.#changed = false;
    this.#services.sync.touch(files.directory);
    this.#services.sync.seal(full);
    this.#pack(segment, files.directory);
    while (this.#stock.segments.length > limit) this.#expire(files);
  }

  #expire({ directory }: OpenFiles): void {
    this.#stock.expire();
    this.#services.sync.touch(directory);
  }

  #create(): SyncedFile {
    const fd = openSegment(this.#stock.path({ first: this.#stock.next, packed: false }), true);
    this.#stock.begin();
    return new SyncedFile(fd, 'data', this.#syncCounts);
  }

  /** @returns the newest segment, recovered; undefined when it cannot be appended to */
  #openNewest(): SyncedFile | undefined {
    const { newest } = this.#stock;
    if (!newest || newest.packed) return undefined;
    const path = this.#stock.path(newest);
    const fd = openSegment(path, false);
    try {
      const { documents, bytes, torn_documents, torn_bytes } = recoverSegment(fd);
      newest.bytes = bytes;
      this.#torn_documents += torn_documents;
      this.#torn_bytes += torn_bytes;
      if (torn_bytes > 0)
        this.#services.log.warn('cut the torn end of a journal segment', {
          path,
          torn_bytes,
          torn_documents,
        });
      const end = newest.first + documents;
      this.#stock.counted(end);
      if (end === this.#stock.next) return new SyncedFile(fd, 'data', this.#syncCounts);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    // What was behind it had numbers, and they are not given out again.
    closeSync(fd);
    return undefined;
  }

  #pack(segment: Segment, directory: SyncedFile): void {
    this.#services.packer?.add({
      directory: this.#path,
      segment,
      isKept: () => this.#stock.segments.includes(segment) && this.#services.isHome(),
      done: () => {
        if (this.#files?.directory === directory) this.#services.sync.touch(directory);
      },
    });
  }

  #cut(fd: number): void {
    if (this.#cutTo === undefined) return;
    ftruncateSync(fd, this.#cutTo);
    this.#cutTo = undefined;
  }
}
