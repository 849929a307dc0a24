/**
 * Bringing written bytes to the disk, behind the writer's back.
 *
 *   append ──write(2)──► page cache ──ack──► collector
 *                            │
 *                        touch(file)          an interval after the first, at rotation, on flush
 *                            ▼
 *                  dirty ──one after the other──► fdatasync on libuv's pool ──► closed, if its segment is full
 *
 * An acknowledged document survives any end of the agent. It survives a power loss once it was synced: at most one
 * interval plus the time of the sync itself later. There is one outstanding call over all files, because the pool's
 * four threads are shared by every actor of the process. A failed fdatasync is counted and not repeated: Linux drops
 * the dirty mark with the error, so a second call would report a success that never was. What it was to bring to the disk
 * is doubtful from then on, whatever later calls say.
 */
import { closeSync, fdatasync, fdatasyncSync, fsync } from 'node:fs';
import { promisify } from 'node:util';
import type { Log } from '../../sdk/context.ts';
import { type Identity, identityOf } from './identity.ts';

const syncData = promisify(fdatasync);
const syncDirectory = promisify(fsync);

/** Full segments that may wait for their last sync; then the writer waits for the disk, which bounds open files. */
const MAX_SEALED = 8;

/** What syncing did to the files of one directory; lives as long as its tracer. */
export class SyncCounts {
  /** Date.now() when documents last reached the disk; undefined before the first time. */
  last_ms: number | undefined;
  /** How long that sync took. */
  duration_ms = 0;
  errors = 0;
  /** Documents that were written and may not be on the disk: their sync failed. */
  doubtful_documents = 0;
  lastError: Error | undefined;
  /** The newest sync failed. */
  failing = false;
  readonly #directory: string;
  readonly #log: Log;

  /** @param log gets the first and the last failure of a row */
  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  succeeded(started: number): void {
    this.last_ms = Date.now();
    this.duration_ms = performance.now() - started;
    if (this.failing)
      this.#log.info('the journal reaches the disk again', {
        directory: this.#directory,
        doubtful_documents: this.doubtful_documents,
      });
    this.failing = false;
  }

  failed(error: unknown, documents: number): void {
    this.errors++;
    this.doubtful_documents += documents;
    this.lastError = error as Error;
    if (!this.failing)
      this.#log.error('the journal does not reach the disk; what was written may be lost', {
        directory: this.#directory,
        error,
      });
    this.failing = true;
  }
}

/** A file or directory that the journal changes. Whoever opened `fd` gives it away with `seal`, or closes it. */
export class SyncedFile {
  readonly fd: number;
  readonly kind: 'data' | 'directory';
  readonly counts: SyncCounts;
  readonly identity: Identity;
  sealed = false;
  /** Documents that were written since the last sync began. */
  unsynced = 0;

  constructor(fd: number, kind: 'data' | 'directory', counts: SyncCounts) {
    this.fd = fd;
    this.kind = kind;
    this.counts = counts;
    this.identity = identityOf(fd);
  }
}

export class JournalSync {
  /** In order of change: the directory that names a new segment comes before the segment. */
  readonly #dirty = new Set<SyncedFile>();
  readonly #interval_ms: number;
  #timer: NodeJS.Timeout | undefined;
  #sealed = 0;
  #inFlight: SyncedFile | undefined;
  #run: Promise<void> | undefined;

  constructor(interval_ms: number) {
    this.#interval_ms = interval_ms;
  }

  /** Notes that a file was written, or a directory's entries were changed. */
  touch(file: SyncedFile): void {
    this.#dirty.add(file);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // Not just a run: the one under way may have passed the file already.
      void this.flush();
    }, this.#interval_ms).unref();
  }

  /** Takes over a full segment: syncs it soon and closes its descriptor. The caller must not use it any more. */
  seal(file: SyncedFile): void {
    file.sealed = true;
    this.#sealed++;
    this.#dirty.add(file);
    if (this.#sealed > MAX_SEALED) this.#syncOldestSealed();
    void this.#start();
  }

  /** Resolves when everything that was touched before the call was synced, or its failure counted. */
  async flush(): Promise<void> {
    // The run under way may have passed a file that was written since, so only the next one covers this call.
    await this.#run;
    await this.#start();
  }

  /** The last flush. Nothing may be touched afterwards. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.flush();
  }

  #start(): Promise<void> {
    this.#run ??= this.#syncAll().finally(() => {
      this.#run = undefined;
    });
    return this.#run;
  }

  async #syncAll(): Promise<void> {
    for (const file of [...this.#dirty]) {
      if (!this.#dirty.delete(file)) continue;
      this.#inFlight = file;
      const started = performance.now();
      const documents = take(file);
      try {
        await (file.kind === 'data' ? syncData(file.fd) : syncDirectory(file.fd));
        if (file.kind === 'data') file.counts.succeeded(started);
      } catch (error) {
        file.counts.failed(error, documents);
      }
      this.#inFlight = undefined;
      // Written again and sealed during the call: the bytes since then still need the next run.
      if (file.sealed && !this.#dirty.has(file)) this.#retire(file);
    }
  }

  #syncOldestSealed(): void {
    const file = [...this.#dirty].find((one) => one.sealed && one !== this.#inFlight);
    if (!file) return;
    const started = performance.now();
    const documents = take(file);
    try {
      fdatasyncSync(file.fd);
      if (file.kind === 'data') file.counts.succeeded(started);
    } catch (error) {
      file.counts.failed(error, documents);
    }
    this.#retire(file);
  }

  #retire(file: SyncedFile): void {
    this.#dirty.delete(file);
    this.#sealed--;
    closeSync(file.fd);
  }
}

/** What the sync that begins is to bring to the disk. */
function take(file: SyncedFile): number {
  const { unsynced } = file;
  file.unsynced = 0;
  return unsynced;
}
