/**
 * The journal: documents of every tracer on the local disk, as NDJSON.
 *
 *   <directory>/                       0700
 *     .journal                         says what this is; nothing is written to a directory of others
 *     .lock                            flock(2): one agent at a time
 *     oom/                             one stream for each tracer
 *       00000000000000000000.ndjson.zst 0600, documents 0 … 41,233, compressed when it was full
 *       00000000000000041234.ndjson    appended to; ….live.ndjson.zst when it is compressed as it is written
 *     softlockup/
 *       …
 *
 * A batch is written whole or not at all, with write(2) in the caller's thread: the measured trade is that the page
 * cache takes batches faster than a thread pool hands them over, and order and back-pressure need no code. Disk space is
 * bounded per tracer (`segments` x `segment_bytes`) and in total; what a cap deletes is counted. A stream that cannot
 * be used refuses its own batches and no others.
 */
import { closeSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { HuatuoError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import { batchOf } from './active-segment.ts';
import { Aliens } from './aliens.ts';
import { openDirectory } from './directory.ts';
import { identityAt } from './identity.ts';
import { away, refusal } from './journal-errors.ts';
import { isStream } from './losses.ts';
import { markJournal } from './own-directory.ts';
import { type PackCounts, SegmentPacker } from './packer.ts';
import { JournalStream, type StreamServices } from './stream.ts';
import type { JournalTracerStatus } from './stream-status.ts';
import { JournalSync, SyncCounts, SyncedFile } from './sync.ts';
import { TRACER_NAME } from './tracers.ts';

export interface JournalOptions {
  readonly directory: string;
  /**
   * A segment whose lines a batch would make longer than this is full, whatever it takes of the disk; a longer batch gets a segment
   * of its own.
   */
  readonly segment_bytes: number;
  /** As many files are kept for each tracer, the one in use included, and more while they take no more than full plain ones. */
  readonly segments: number;
  /** Bytes kept over all tracers. */
  readonly total_bytes: number;
  /** Written bytes reach the disk after about this time: what a power loss can cost. */
  readonly fsync_interval_ms: number;
  /** Nothing is compressed unless it says so. */
  readonly compression?: Compression;
}

/** `sealed`: segments that are full are compressed in the background; `live`: the one in use is, batch by batch, too. */
export type Compression = 'off' | 'sealed' | 'live';

const MAX_TRACERS = 1024;

export class Journal {
  readonly #options: JournalOptions;
  readonly #log: Log;
  readonly #streams = new Map<string, JournalStream>();
  readonly #sync: JournalSync;
  readonly #packer: SegmentPacker | undefined;
  readonly #services: StreamServices;
  readonly #aliens: Aliens;
  /** Undefined until there is a directory that is this agent's. */
  #root: SyncedFile | undefined;
  /** Why nothing is written. */
  #suspension: HuatuoError | undefined;
  /** Called when the directory is found to be another. Without a lock that would have to be taken anew, it is made and used. */
  onAway: () => void = () => this.resume();

  /**
   * Opens a journal: makes the directory when it is missing, and recovers every stream in it. The caller sees to it that
   * no other agent has it open (src/agent/journal-lock.ts).
   * @param log gets what an operator must know: torn tails, foreign files, refused batches (first and last of a row)
   * @param suspension why the directory cannot be opened yet: nothing is done before `resume`
   * @throws CONFIG_INVALID, DIRECTORY_NOT_WRITABLE
   */
  constructor(options: JournalOptions, log: Log, suspension?: HuatuoError) {
    checkOptions(options);
    this.#options = options;
    this.#log = log;
    this.#aliens = new Aliens(log);
    this.#suspension = suspension;
    this.#sync = new JournalSync(options.fsync_interval_ms);
    const { compression = 'off' } = options;
    this.#packer = compression === 'off' ? undefined : new SegmentPacker(log);
    this.#services = {
      sync: this.#sync,
      log,
      form: compression === 'live' ? 'live' : 'plain',
      isHome: () => this.isHome,
      ...(this.#packer && { packer: this.#packer }),
    };
    if (!suspension) this.resume();
  }

  /**
   * Appends a batch to a tracer's stream. Returned: all bytes were taken by write(2).
   * @param tracer 1 to 64 characters of [a-z0-9_]
   * @param lines whole lines; not kept after the call
   * @param documents their number; trusted, since counting would read every byte again
   * @throws JOURNAL_FAILED or DIRECTORY_NOT_WRITABLE; nothing of the batch is in the stream then
   */
  append(tracer: string, lines: Uint8Array, documents: number): void {
    const stream = this.#stream(tracer);
    try {
      this.#requireHome();
      const batch = batchOf(this.#services.form, lines, documents);
      this.#makeRoom(batch.bytes);
      stream.append(batch);
    } catch (cause) {
      const error = refusal(this.#options.directory, lines.length, cause);
      // What is wrong with the whole journal is logged once, and not for each tracer.
      if (stream.refused(error) && error !== this.#suspension)
        this.#log.error('the journal refuses a tracer', { tracer, error });
      throw error;
    }
    const refused_batches = stream.accepted();
    if (refused_batches !== undefined)
      this.#log.info('the journal accepts a tracer again', { tracer, refused_batches });
  }

  /** Counts a batch that was not appended because it is on disk already. */
  countRepeated(tracer: string): void {
    this.#stream(tracer).repeated();
  }

  /** Longest batch that can be written, however much is deleted for it. */
  get limit_bytes(): number {
    return this.#options.total_bytes;
  }

  /** Whether what has the directory's name is the directory that was opened. */
  get isHome(): boolean {
    return this.#root !== undefined && identityAt(this.#options.directory) === this.#root.identity;
  }

  /** Why nothing is written at this moment; undefined when it is. */
  get suspension(): HuatuoError | undefined {
    return this.#suspension;
  }

  /** Writes nothing until `resume`: the directory, or its lock, is not this agent's. */
  suspend(error: HuatuoError): void {
    this.#suspension = error;
  }

  /**
   * Goes on in what has the directory's name now, which this agent has locked. Numbers go on; what was in the former directory
   * counts as lost.
   * @throws DIRECTORY_NOT_WRITABLE
   */
  resume(): void {
    if (!this.isHome) {
      const former = this.#root;
      this.#root = this.#openRoot();
      if (former) this.#sync.seal(former);
      for (const [tracer, stream] of this.#streams) this.#open(tracer, () => stream.reopen());
      for (const tracer of this.#list()) this.#recover(tracer);
    }
    this.#suspension = undefined;
  }

  /** Looks whether the segments are as they were left; counts what others took away, and tells of what they put here. */
  inspect(): void {
    if (this.#suspension || !this.isHome) return;
    this.#list();
    for (const [tracer, stream] of this.#streams) this.#open(tracer, () => stream.inspect());
  }

  /** Reads one closed segment of one tracer, so that in time every one is known to be whole. @throws the errno's error */
  async verify(): Promise<void> {
    if (this.#suspension || !this.isHome) return;
    for (const stream of this.#streams.values()) if (await stream.verify()) return;
  }

  /** State of every tracer that ever wrote here. */
  status(): Record<string, JournalTracerStatus> {
    return Object.fromEntries([...this.#streams].map(([tracer, stream]) => [tracer, stream.status()]));
  }

  /** Resolves when what was appended before the call is on the disk; failures are in the status. */
  flush(): Promise<void> {
    return this.#sync.flush();
  }

  /** Resolves when the segments that are full by now are compressed. */
  async packed(): Promise<PackCounts | undefined> {
    await this.#packer?.idle();
    return this.#packer?.counts;
  }

  /** Syncs and closes every file. The journal is unusable from the call on. */
  async close(): Promise<void> {
    await this.#packer?.close();
    await this.#sync.close();
    for (const stream of this.#streams.values()) stream.close();
    if (this.#root) closeSync(this.#root.fd);
  }

  #stream(tracer: string): JournalStream {
    const known = this.#streams.get(tracer);
    if (known) return known;
    if (!TRACER_NAME.test(tracer) || this.#streams.size >= MAX_TRACERS)
      throw new HuatuoError('JOURNAL_FAILED', {
        expected: `at most ${MAX_TRACERS} tracers with names of 1 to 64 characters a-z, 0-9 and _`,
        found: `${JSON.stringify(tracer)} as number ${this.#streams.size + 1}`,
        remedy: 'name the tracer as its collector',
      });
    const stream = new JournalStream(join(this.#options.directory, tracer), this.#options, this.#services);
    this.#streams.set(tracer, stream);
    if (this.#root) this.#sync.touch(this.#root);
    return stream;
  }

  #openRoot(): SyncedFile {
    const { directory } = this.#options;
    const fd = openDirectory(directory);
    markJournal(directory);
    return new SyncedFile(fd, 'directory', new SyncCounts(directory, this.#log));
  }

  /** Another agent may have the directory that has the name now: nothing is made, written or deleted there. */
  #requireHome(): void {
    if (!this.#suspension && !this.isHome) {
      this.suspend(away(this.#options.directory));
      this.onAway();
    }
    if (this.#suspension) throw this.#suspension;
  }

  /** Keeps the total cap: deletes the segments that were written longest ago, whosever they are. */
  #makeRoom(bytes: number): void {
    const { total_bytes } = this.#options;
    // First, or a batch that can never fit would empty the journal in the attempt.
    if (bytes > total_bytes)
      throw new HuatuoError('DOCUMENT_TOO_LARGE', {
        expected: `a batch of at most ${total_bytes} bytes, the journal's total`,
        found: `${bytes} bytes`,
        remedy: 'raise the total size of the journal',
      });
    const streams = [...this.#streams.values()];
    const age = (stream: JournalStream): number => stream.oldest_ms ?? Number.POSITIVE_INFINITY;
    while (streams.reduce((sum, stream) => sum + stream.diskBytes, bytes) > total_bytes)
      streams.reduce((a, b) => (age(a) <= age(b) ? a : b)).expireOldest();
  }

  /** Tracers with a directory. Names that begin with a dot are the agent's own files; others are left alone. */
  #list(): string[] {
    const tracers: string[] = [];
    for (const entry of readdirSync(this.#options.directory, { withFileTypes: true })) {
      const path = join(this.#options.directory, entry.name);
      if (entry.isDirectory() && TRACER_NAME.test(entry.name) && isStream(path)) tracers.push(entry.name);
      else if (!entry.name.startsWith('.')) this.#aliens.add(entry.name);
    }
    this.#aliens.tell(this.#options.directory, 'a stream of the journal');
    return tracers;
  }

  #recover(tracer: string): void {
    this.#open(tracer, () => this.#stream(tracer).open());
  }

  #open(tracer: string, open: () => void): void {
    try {
      open();
    } catch (error) {
      this.#log.error('cannot open a stream of the journal', { tracer, error });
    }
  }
}

function checkOptions(options: JournalOptions): void {
  const { segment_bytes, segments, total_bytes, fsync_interval_ms } = options;
  const counts = [segment_bytes, segments, total_bytes, fsync_interval_ms];
  const timerLimit_ms = 2 ** 31 - 1;
  if (
    counts.every((n) => Number.isSafeInteger(n) && n > 0) &&
    segment_bytes <= total_bytes &&
    fsync_interval_ms <= timerLimit_ms
  )
    return;
  throw new HuatuoError('CONFIG_INVALID', {
    expected: 'positive journal sizes, a total of at least one segment, and a sync interval below 24 days',
    found: JSON.stringify({ segment_bytes, segments, total_bytes, fsync_interval_ms }),
    remedy: 'correct the journal section of the configuration',
  });
}
