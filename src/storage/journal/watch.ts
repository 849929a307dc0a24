/** Waiting for the journal to change, by inotify: a quiet journal costs nothing, and the waiting side needs no port to the writer. */
import { type FSWatcher, watch } from 'node:fs';

/** Where a directory cannot be watched, or appears later. */
const UNWATCHED_MS = 2_000;
/** A change that inotify lost is noticed then. */
const WATCHED_MS = 30_000;

export class DirectoryWatch implements Disposable {
  readonly #path: string;
  #watcher: FSWatcher | undefined;
  #changed = false;
  #wake: (() => void) | undefined;

  /** @param path a directory; it need not exist yet */
  constructor(path: string) {
    this.#path = path;
    this.#start();
  }

  /** Resolves when something in it has changed since the last call, after a while, or when the signal is aborted. */
  async changed(signal?: AbortSignal): Promise<void> {
    if (!this.#watcher) this.#start();
    if (!this.#changed && !signal?.aborted) await this.#wait(signal);
    this.#changed = false;
  }

  /** As if something had changed. */
  wake(): void {
    this.#changed = true;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#wake?.();
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, this.#watcher ? WATCHED_MS : UNWATCHED_MS);
      signal?.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }

  #start(): void {
    try {
      this.#watcher = watch(this.#path, { persistent: false }, () => this.wake());
      // The directory was taken away: the next call tries again.
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch {
      this.#watcher = undefined;
    }
  }
}
