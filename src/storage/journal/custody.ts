/**
 * Sees to it that the journal is written where its name leads, and under the lock of this agent. `rm -rf`, a rename or a mount
 * leave the open files as they are and put others under their names: another agent can lock those.
 *
 *   inotify on the directory, an append that finds it gone, or half a minute
 *      │
 *      ▼ directory or lock file is another
 *   suspended: batches are refused ──► the agent takes the lock of what is there now ──► resumed, numbers go on
 *                   ▲                           │ another agent has it
 *                   └───────── RETRY_MS ────────┘ the reason is in the status
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HuatuoError } from '../../error.ts';
import { withDeadline } from '../../promises.ts';
import type { Log } from '../../sdk/context.ts';
import { type Identity, identityAt } from './identity.ts';
import type { Journal } from './journal.ts';
import { away } from './journal-errors.ts';
import { DirectoryWatch } from './watch.ts';

/** A file being deleted is seldom the last: what is made in a directory that goes would be in the way of who deletes it. */
const RETRY_MS = 1_000;
const HOLD_DEADLINE_MS = 5_000;

/** What the journal's thread asks of the agent, which alone can take locks. */
export interface JournalHost {
  /**
   * Takes the lock of the journal's directory anew where it is another than the one that is held; makes the directory.
   * @returns the lock file @throws DIRECTORY_NOT_WRITABLE, CONFIG_INVALID, or JOURNAL_FAILED when another process has it
   */
  holdJournal(): Promise<Identity>;
}

export interface CustodyOptions {
  readonly directory: string;
  /** The lock file that the agent holds; without one the journal is suspended. */
  readonly lock?: Identity;
}

export class Custody implements Disposable {
  readonly #journal: Journal;
  readonly #directory: string;
  readonly #host: JournalHost;
  readonly #log: Log;
  readonly #stop = new AbortController();
  #lock: Identity | undefined;
  #watch: DirectoryWatch | undefined;

  /** Begins to watch at once. */
  constructor(journal: Journal, { directory, lock }: CustodyOptions, host: JournalHost, log: Log) {
    this.#journal = journal;
    this.#directory = directory;
    this.#lock = lock;
    this.#host = host;
    this.#log = log;
    journal.onAway = () => this.#watch?.wake();
    void this.#run();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      using watch = new DirectoryWatch(this.#directory);
      this.#watch = watch;
      // Between the lock and this watch it may have been replaced.
      while (this.#isOurs() && !this.#journal.suspension && !signal.aborted) {
        this.#inspect();
        await watch.changed(signal);
        // One segment at a time, and none while the agent starts: it takes as long as to decompress it.
        if (!signal.aborted) await this.#journal.verify().catch(() => undefined);
      }
      if (!signal.aborted) await this.#regain();
    }
  }

  #isOurs(): boolean {
    try {
      return this.#journal.isHome && identityAt(join(this.#directory, '.lock')) === this.#lock;
    } catch {
      // A disk that does not answer has not been taken away; appends tell what is wrong with it.
      return true;
    }
  }

  #inspect(): void {
    try {
      this.#journal.inspect();
    } catch {
      // The same: what cannot be looked at now is looked at the next time.
    }
  }

  async #regain(): Promise<void> {
    const { signal } = this.#stop;
    let error = this.#journal.suspension ?? away(this.#directory);
    this.#log.warn('the journal is suspended', { error });
    while (!signal.aborted) {
      this.#journal.suspend(error);
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        this.#lock = await withDeadline(this.#host.holdJournal(), HOLD_DEADLINE_MS, 'lock of the journal');
        this.#journal.resume();
        this.#log.info('the journal goes on', { directory: this.#directory });
        return;
      } catch (thrown) {
        const reason = HuatuoError.from(thrown, 'JOURNAL_FAILED', 'see the log of the agent');
        if (reason.message !== error.message)
          this.#log.error('the journal is suspended; it cannot be locked', { error: reason });
        error = reason;
      }
    }
  }
}
