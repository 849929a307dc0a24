/** One tracer's segments: recovered at start, appended to, rotated and expired. Everything here is synchronous. */
import { closeSync, fstatSync, ftruncateSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import type { Log } from '../../sdk/context.ts';
import { openDirectory } from './directory.ts';
import { type SegmentPacker, UNFINISHED } from './packer.ts';
import {
  listSegments,
  openSegment,
  recoverSegment,
  type Segment,
  segmentName,
  writeWhole,
} from './segment.ts';
import { type JournalSync, type SyncCounts, SyncedFile } from './sync.ts';

const NEWLINE = 10;

/** One tracer's counters since the journal was opened, and its state now. */
export interface JournalTracerStatus {
  readonly documents: number;
  readonly bytes: number;
  readonly batches: number;
  /** Batches that could not be written; their senders kept them. */
  readonly refused_batches: number;
  /** Batches that were on disk already and were acknowledged without being written again. */
  readonly repeated_batches: number;
  /** Documents in segments that a cap deleted. */
  readonly expired_documents: number;
  readonly torn_documents: number;
  readonly torn_bytes: number;
  readonly segments: number;
  readonly segment_bytes: number;
  /** Number that the next document gets. */
  readonly sequence: number;
  /** Milliseconds since written bytes last reached the disk; null before the first time. */
  readonly fsync_age_ms: number | null;
  readonly fsync_duration_ms: number;
  readonly fsync_errors: number;
  /** Why the last batch was refused or the last sync failed. */
  readonly last_error: string | null;
}

export interface StreamLimits {
  readonly segment_bytes: number;
  readonly segments: number;
}

/** What the streams of a journal share. */
export interface StreamServices {
  readonly sync: JournalSync;
  readonly log: Log;
  /** Without it full segments stay as they were written. */
  readonly packer?: SegmentPacker;
}

/** The files of an open stream. */
interface OpenFiles {
  readonly directory: SyncedFile;
  active: SyncedFile;
}

export class JournalStream {
  refused_batches = 0;
  repeated_batches = 0;
  lastError: string | undefined;
  readonly #path: string;
  readonly #limits: StreamLimits;
  readonly #sync: JournalSync;
  readonly #log: Log;
  readonly #packer: SegmentPacker | undefined;
  readonly #syncCounts: SyncCounts = { duration_ms: 0, errors: 0 };
  /** Oldest first; the last one is appended to. Never empty while the stream is open. */
  #segments: Segment[] = [];
  #files: OpenFiles | undefined;
  #sequence = 0;
  /** Size to cut the active segment back to: a refused batch left bytes that could not be cut off at once. */
  #cutTo: number | undefined;
  #documents = 0;
  #bytes = 0;
  #batches = 0;
  #expired_documents = 0;
  #torn_documents = 0;
  #torn_bytes = 0;

  /** @param path the tracer's own directory; it is made by the first append or `open` */
  constructor(path: string, limits: StreamLimits, { sync, log, packer }: StreamServices) {
    this.#path = path;
    this.#limits = limits;
    this.#sync = sync;
    this.#log = log;
    this.#packer = packer;
  }

  /** Bytes of all segments. */
  get diskBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** When the oldest segment with documents was last written; undefined when there are none. */
  get oldest_ms(): number | undefined {
    return this.#segments.find((segment) => segment.bytes > 0)?.written_ms;
  }

  /**
   * Opens the directory and its newest segment, after cutting a torn tail; does nothing when that was done.
   * @throws DIRECTORY_NOT_WRITABLE, or the errno's error; the next append tries again
   */
  open(): void {
    if (this.#files) return;
    const directory = new SyncedFile(openDirectory(this.#path), 'directory', this.#syncCounts);
    try {
      this.#segments = this.#list();
      const newest = this.#segments.at(-1);
      if (newest?.packed) this.#sequence = newest.first + countPacked(this.#path, newest.first);
      const active = newest && !newest.packed ? this.#recover(newest) : this.#create();
      this.#files = { directory, active };
      this.#sync.touch(directory);
      for (const segment of this.#segments.slice(0, -1)) if (!segment.packed) this.#pack(segment, directory);
    } catch (error) {
      closeSync(directory.fd);
      throw error;
    }
  }

  /**
   * Appends whole lines. Returned: write(2) took all of them.
   * @throws the errno's error, after which the segment ends where it did before
   */
  append(lines: Uint8Array, documents: number): void {
    const files = this.#writable(lines.length);
    const segment = this.#segments.at(-1) as Segment;
    try {
      writeWhole(files.active.fd, lines);
    } catch (error) {
      this.#cutTo = segment.bytes;
      try {
        this.#cut(files.active.fd);
      } catch {
        // The write's error is the one to report; the next append cuts before it writes, and a restart cuts as well.
      }
      throw error;
    }
    segment.bytes += lines.length;
    segment.written_ms = Date.now();
    this.#sequence += documents;
    this.#documents += documents;
    this.#bytes += lines.length;
    this.#batches++;
    this.#sync.touch(files.active);
  }

  /**
   * Deletes the oldest segment that holds documents. The newest one is replaced by an empty one first: its name keeps
   * the sequence over a restart.
   */
  expireOldest(): void {
    this.open();
    const files = this.#files as OpenFiles;
    if (this.#segments.length === 1) this.#roll(files);
    if (this.#segments.length > 1) this.#expire(files);
  }

  status(): JournalTracerStatus {
    const { last_ms, duration_ms, errors, lastError } = this.#syncCounts;
    return {
      documents: this.#documents,
      bytes: this.#bytes,
      batches: this.#batches,
      refused_batches: this.refused_batches,
      repeated_batches: this.repeated_batches,
      expired_documents: this.#expired_documents,
      torn_documents: this.#torn_documents,
      torn_bytes: this.#torn_bytes,
      segments: this.#segments.length,
      segment_bytes: this.diskBytes,
      sequence: this.#sequence,
      fsync_age_ms: last_ms === undefined ? null : Math.max(0, Date.now() - last_ms),
      fsync_duration_ms: duration_ms,
      fsync_errors: errors,
      last_error: this.lastError ?? lastError?.message ?? null,
    };
  }

  /** Closes the descriptors; only after the last sync. */
  close(): void {
    if (!this.#files) return;
    closeSync(this.#files.active.fd);
    closeSync(this.#files.directory.fd);
    this.#files = undefined;
  }

  /** The open files, with an active segment that exists, ends in a whole line and has room for `bytes`. */
  #writable(bytes: number): OpenFiles {
    this.open();
    const files = this.#files as OpenFiles;
    this.#cut(files.active.fd);
    // Asked from the file each time: someone may have deleted it (what is written then is lost) or emptied it.
    const { size, nlink } = fstatSync(files.active.fd);
    if (nlink === 0) return this.#replaceDeleted(files);
    (this.#segments.at(-1) as Segment).bytes = size;
    if (size > 0 && size + bytes > this.#limits.segment_bytes) this.#roll(files);
    return files;
  }

  /** Starts a new segment and hands the full one to the background sync. */
  #roll(files: OpenFiles): void {
    this.#cut(files.active.fd);
    // Room first: on a full disk the new file may need what the oldest one holds.
    while (this.#segments.length >= this.#limits.segments && this.#segments.length > 1) this.#expire(files);
    const full = files.active;
    const segment = this.#segments.at(-1) as Segment;
    files.active = this.#create();
    this.#sync.touch(files.directory);
    this.#sync.seal(full);
    this.#pack(segment, files.directory);
    while (this.#segments.length > this.#limits.segments) this.#expire(files);
  }

  /** Goes on in a new segment after someone deleted the active one, perhaps together with its directory. */
  #replaceDeleted(files: OpenFiles): OpenFiles {
    this.#log.warn('the journal segment in use was deleted by someone else', { directory: this.#path });
    const directory = new SyncedFile(openDirectory(this.#path), 'directory', this.#syncCounts);
    try {
      this.#segments = this.#list();
      const active = this.#create();
      this.#files = { directory, active };
    } catch (error) {
      closeSync(directory.fd);
      throw error;
    }
    this.#sync.touch(directory);
    this.#sync.seal(files.active);
    this.#sync.seal(files.directory);
    return this.#files;
  }

  #expire(files: OpenFiles): void {
    const [oldest, next] = this.#segments as [Segment, Segment];
    try {
      unlinkSync(join(this.#path, segmentName(oldest.first, oldest.packed)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    this.#segments.shift();
    this.#expired_documents += next.first - oldest.first;
    this.#sync.touch(files.directory);
  }

  #create(): SyncedFile {
    const fd = openSegment(join(this.#path, segmentName(this.#sequence)), true);
    this.#segments.push({ first: this.#sequence, bytes: 0, written_ms: Date.now(), packed: false });
    return new SyncedFile(fd, 'data', this.#syncCounts);
  }

  #recover(newest: Segment): SyncedFile {
    const path = join(this.#path, segmentName(newest.first));
    const fd = openSegment(path, false);
    try {
      const { documents, bytes, torn_documents, torn_bytes } = recoverSegment(fd);
      newest.bytes = bytes;
      this.#sequence = newest.first + documents;
      this.#torn_documents += torn_documents;
      this.#torn_bytes += torn_bytes;
      if (torn_bytes > 0)
        this.#log.warn('cut the torn end of a journal segment', { path, torn_bytes, torn_documents });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new SyncedFile(fd, 'data', this.#syncCounts);
  }

  #pack(segment: Segment, directory: SyncedFile): void {
    this.#packer?.add({
      directory: this.#path,
      segment,
      isKept: () => this.#segments.includes(segment),
      done: () => {
        if (this.#files?.directory === directory) this.#sync.touch(directory);
      },
    });
  }

  #cut(fd: number): void {
    if (this.#cutTo === undefined) return;
    ftruncateSync(fd, this.#cutTo);
    this.#cutTo = undefined;
  }

  #list(): Segment[] {
    const segments = listSegments(this.#path, (path) => {
      if (path.endsWith(UNFINISHED)) rmSync(path, { force: true });
      else this.#log.warn('left alone what is not a journal segment', { path });
    });
    // Compressing it was cut short between its last two steps.
    for (const { first, packed } of segments)
      if (packed) rmSync(join(this.#path, segmentName(first)), { force: true });
    return segments;
  }
}

/** Documents of a compressed segment; only asked when the one after it was taken away. A damaged one counts as empty. */
function countPacked(directory: string, first: number): number {
  try {
    const lines = zstdDecompressSync(readFileSync(join(directory, segmentName(first, true))));
    return lines.reduce((count, byte) => count + Number(byte === NEWLINE), 0);
  } catch {
    return 0;
  }
}
