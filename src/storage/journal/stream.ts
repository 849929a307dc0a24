/**
 * One tracer's stream: opened, recovered, appended to, rotated and expired. Everything here is synchronous.
 *
 * Before each append the name of the segment in use must still lead to the file that is open, and the file must be as long as
 * it was left; else what is gone is counted, and the stream goes on in a segment of its own. The closed segments are looked at
 * by `inspect` (stock.ts).
 */
import { closeSync, lstatSync } from 'node:fs';
import type { HuatuoError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import { type ActiveForm, ActiveSegment, type Batch } from './active-segment.ts';
import { openDirectory } from './directory.ts';
import { identity } from './identity.ts';
import type { SegmentPacker } from './packer.ts';
import type { Recovered, Segment } from './segment.ts';
import { SegmentStock } from './stock.ts';
import type { JournalTracerStatus } from './stream-status.ts';
import { type JournalSync, SyncCounts, SyncedFile } from './sync.ts';

/** Senders try again each second: a refusal that is older says nothing about the disk of now. */
const REFUSING_MS = 30_000;

/** A tracer's files may be more when they are compressed, but not without end: each is looked at by every reader. */
const MAX_FILES_FOR_ONE = 64;

interface StreamLimits {
  readonly segment_bytes: number;
  readonly segments: number;
}

/** What the streams of a journal share. */
export interface StreamServices {
  readonly sync: JournalSync;
  readonly log: Log;
  /** Of the segments that are begun. */
  readonly form: ActiveForm;
  /** Whether the journal's directory is the one that was opened. */
  isHome(): boolean;
  /** Without it full segments stay as they were written. */
  readonly packer?: SegmentPacker;
}

/** The files of an open stream. */
interface OpenFiles {
  readonly directory: SyncedFile;
  active: ActiveSegment;
}

export class JournalStream {
  readonly #path: string;
  readonly #limits: StreamLimits;
  readonly #services: StreamServices;
  readonly #syncCounts: SyncCounts;
  readonly #stock: SegmentStock;
  #files: OpenFiles | undefined;
  #refusal: { readonly error: HuatuoError; readonly time_ms: number } | undefined;
  /** Others have changed the active segment: what comes goes into another. */
  #changed = false;
  #documents = 0;
  #bytes = 0;
  #disk_bytes = 0;
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
      if (segment.form !== 'packed') this.#pack(segment, directory, false);
  }

  /**
   * Appends whole lines. Returned: write(2) took all of them, and the file has the name of a segment.
   * @throws the errno's error, after which the segment ends where it did before
   */
  append(batch: Batch): void {
    const { active } = this.#writable(batch.lines_bytes);
    const segment = this.#stock.newest as Segment;
    active.append(batch);
    segment.bytes = active.bytes;
    segment.written_ms = Date.now();
    active.file.unsynced += batch.documents;
    this.#stock.counted(this.#stock.next + batch.documents);
    this.#documents += batch.documents;
    this.#bytes += batch.lines_bytes;
    this.#disk_bytes += batch.bytes;
    this.#batches++;
    this.#services.sync.touch(active.file);
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

  /** Reads one of the closed segments, if there is one that was not read yet, and counts what is damaged. @throws the errno's error */
  async verify(): Promise<boolean> {
    return this.#files !== undefined && (await this.#stock.verify());
  }

  /** Lets go of the files and opens what has their names now. @throws as `open` */
  reopen(): void {
    const files = this.#files;
    this.#files = undefined;
    this.#changed = false;
    if (files) {
      this.#services.sync.seal(files.active.file);
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
      disk_bytes: this.#disk_bytes,
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
    closeSync(this.#files.active.file.fd);
    closeSync(this.#files.directory.fd);
    this.#files = undefined;
  }

  /** The open files, with an active segment that has its name, ends in a whole line and has room for so many bytes of lines. */
  #writable(lines_bytes: number): OpenFiles {
    this.open();
    let files = this.#files as OpenFiles;
    files.active.cut();
    const segment = this.#stock.newest as Segment;
    const path = this.#stock.path(segment);
    const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (!named || identity(named) !== files.active.file.identity) {
      this.#services.log.warn('the journal segment in use was deleted or renamed by others', { path });
      this.reopen();
      files = this.#files as OpenFiles;
    } else if (Number(named.size) !== segment.bytes) this.#accept(files.active, segment, Number(named.size));
    const used = files.active.lines_bytes;
    if (this.#changed || (used > 0 && used + lines_bytes > this.#limits.segment_bytes)) this.#roll(files);
    return files;
  }

  /** The active segment was cut, or written to, by others: counts what is gone, and goes on in another. */
  #accept(active: ActiveSegment, segment: Segment, found_bytes: number): void {
    const lost_documents = this.#stock.cut(segment, active.contentOf(found_bytes).documents);
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
    active.clear();
    segment.bytes = 0;
  }

  /** Starts a new segment and hands the full one to the background sync. */
  #roll(files: OpenFiles): void {
    const full = files.active;
    full.cut();
    const { segments: limit } = this.#limits;
    // Room first: on a full disk the new file may need what the oldest one holds.
    while (this.#hasMoreThan(limit - 1) && this.#stock.segments.length > 1) this.#expire(files);
    const segment = this.#stock.newest as Segment;
    files.active = this.#create();
    this.#changed = false;
    this.#services.sync.touch(files.directory);
    this.#services.sync.seal(full.file);
    this.#pack(segment, files.directory, full.isDense);
    while (this.#hasMoreThan(limit)) this.#expire(files);
  }

  /** As many files as are asked for are kept whatever they take, and more while they take no more than as many full plain ones. */
  #hasMoreThan(files: number): boolean {
    const { segments, segment_bytes } = this.#limits;
    const more = this.#stock.segments.length - files;
    const isOver = this.diskBytes + segment_bytes > segments * segment_bytes;
    return more > (isOver ? 0 : segments * (MAX_FILES_FOR_ONE - 1));
  }

  #expire({ directory }: OpenFiles): void {
    this.#stock.expire();
    this.#services.sync.touch(directory);
  }

  #create(): ActiveSegment {
    const { form } = this.#services;
    const path = this.#stock.path({ first: this.#stock.next, form });
    const active = ActiveSegment.create(path, form, this.#syncCounts);
    this.#stock.begin(form);
    return active;
  }

  /** @returns the newest segment, recovered; undefined when it cannot be appended to */
  #openNewest(): ActiveSegment | undefined {
    const { newest } = this.#stock;
    if (!newest || newest.form === 'packed') return undefined;
    const path = this.#stock.path(newest);
    const [active, recovered] = ActiveSegment.recover(path, newest.form, this.#syncCounts);
    newest.bytes = recovered.bytes;
    this.#tellRecovered(path, recovered);
    const end = newest.first + recovered.numbered;
    this.#stock.counted(end);
    if (recovered.documents < recovered.numbered)
      this.#stock.cut(newest, recovered.documents, 'frames are damaged in');
    const isOurs = newest.form === this.#services.form;
    if (isOurs && end === this.#stock.next) return active;
    // What was behind it had numbers, and they are not given out again; or new segments are of another form.
    closeSync(active.file.fd);
    return undefined;
  }

  #tellRecovered(path: string, { torn_documents, torn_bytes, documents, numbered }: Recovered): void {
    this.#torn_documents += torn_documents;
    this.#torn_bytes += torn_bytes;
    const { log } = this.#services;
    if (torn_bytes > 0)
      log.warn('cut the torn end of a journal segment', { path, torn_bytes, torn_documents });
    if (documents < numbered)
      log.warn('a journal segment has damaged frames', { path, lost_documents: numbered - documents });
  }

  #pack(segment: Segment, directory: SyncedFile, isDense: boolean): void {
    this.#services.packer?.add({
      directory: this.#path,
      segment,
      isDense,
      isKept: () => this.#stock.segments.includes(segment) && this.#services.isHome(),
      done: () => {
        if (this.#files?.directory === directory) this.#services.sync.touch(directory);
      },
    });
  }
}
