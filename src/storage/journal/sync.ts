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
 * the dirty mark with the error, so a second call would report a success that never was.
 */
import { closeSync, fdatasync, fdatasyncSync, fsync } from 'node:fs';
import { promisify } from 'node:util';

const syncData = promisify(fdatasync);
const syncDirectory = promisify(fsync);

/** Full segments that may wait for their last sync; then the writer waits for the disk, which bounds open files. */
const MAX_SEALED = 8;

/** What syncing did to one tracer's files; lives as long as its tracer. */
export interface SyncCounts {
  /** Date.now() when documents last reached the disk; undefined before the first time. */
  last_ms?: number;
  /** How long that sync took. */
  duration_ms: number;
  errors: number;
  lastError?: Error;
}

/** A file or directory that the journal changes. Whoever opened `fd` gives it away with `seal`, or closes it. */
export class SyncedFile {
  readonly fd: number;
  readonly kind: 'data' | 'directory';
  readonly counts: SyncCounts;
  sealed = false;

  constructor(fd: number, kind: 'data' | 'directory', counts: SyncCounts) {
    this.fd = fd;
    this.kind = kind;
    this.counts = counts;
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
      try {
        await (file.kind === 'data' ? syncData(file.fd) : syncDirectory(file.fd));
        succeeded(file, started);
      } catch (error) {
        failed(file.counts, error);
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
    try {
      fdatasyncSync(file.fd);
      succeeded(file, started);
    } catch (error) {
      failed(file.counts, error);
    }
    this.#retire(file);
  }

  #retire(file: SyncedFile): void {
    this.#dirty.delete(file);
    this.#sealed--;
    closeSync(file.fd);
  }
}

function succeeded({ kind, counts }: SyncedFile, started: number): void {
  if (kind === 'directory') return;
  counts.last_ms = Date.now();
  counts.duration_ms = performance.now() - started;
}

function failed(counts: SyncCounts, error: unknown): void {
  counts.errors++;
  counts.lastError = error as Error;
}
