/** `web.config_file` while the server runs: read again when it, or a file that it names, is another one. */
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { askThread } from '../ask-thread.ts';
import type { WebFile } from '../config/web-file.ts';
import { HuatuoError, type WireError } from '../error.ts';
import { at } from '../paths.ts';
import type { Log } from '../sdk/context.ts';

export type WebFileAnswer =
  | { readonly type: 'read'; readonly file: WebFile }
  | { readonly type: 'refused'; readonly error: WireError };

const LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 };
const READ_MS = 30_000;

export class WebFileFollower {
  readonly #path: string;
  readonly #log: Log;
  readonly #changed: (file: WebFile) => void;
  #value: WebFile;
  /** Of the files as they were when they were last read, with or without success. */
  #seen: string;
  #turn: Promise<void> = Promise.resolve();

  private constructor(path: string, first: WebFile, changed: (file: WebFile) => void, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#changed = changed;
    this.#value = first;
    this.#seen = signature(first.files);
  }

  /**
   * @param changed called with each later state
   * @throws HuatuoError CONFIG_UNREADABLE, CONFIG_INVALID
   */
  static async open(path: string, changed: (file: WebFile) => void, log: Log): Promise<WebFileFollower> {
    return new WebFileFollower(path, await read(path), changed, log);
  }

  get value(): WebFile {
    return this.#value;
  }

  /** What the files say now. While they cannot be read, or are invalid, it is what they said before, and the log says why. */
  async fresh(): Promise<WebFile> {
    if (this.#isChanged)
      this.#turn = this.#turn.then(() => (this.#isChanged ? this.#readAgain() : undefined));
    // Also who comes while it is read waits: a user who was removed has to be refused from now on.
    await this.#turn;
    return this.#value;
  }

  get #isChanged(): boolean {
    return signature(this.#value.files) !== this.#seen;
  }

  async #readAgain(): Promise<void> {
    // Before it is read: what changes meanwhile is met by the next look.
    this.#seen = signature(this.#value.files);
    try {
      const wasProtected = isProtected(this.#value);
      if (wasProtected) refuseEmpty(this.#path);
      const file = await read(this.#path);
      if (wasProtected && !isProtected(file))
        this.#log.warn('web.config_file has neither users nor TLS any more: all pages are open', {
          file: this.#path,
        });
      this.#seen = file.files.join() === this.#value.files.join() ? this.#seen : signature(file.files);
      this.#value = file;
      this.#changed(file);
      this.#log.info('web.config_file was read again', { file: this.#path });
    } catch (error) {
      this.#log.error('web.config_file is not usable; what it said before stays in force', { error });
    }
  }
}

function isProtected({ tls, users }: WebFile): boolean {
  return tls !== undefined || Object.keys(users).length > 0;
}

/** Whoever writes a file in place empties it first. @throws CONFIG_INVALID */
function refuseEmpty(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.size !== 0) return;
  throw new HuatuoError('CONFIG_INVALID', {
    expected: 'the users and certificates of web.config_file',
    found: `an empty ${path}`,
    remedy: 'write {} to it where all pages are to be open',
  });
}

async function read(path: string): Promise<WebFile> {
  const options = { workerData: path, resourceLimits: LIMITS, name: 'web-file' };
  const worker = new Worker(at('dist/workers/web-file.js'), options);
  const answer = await askThread<WebFileAnswer>(worker, READ_MS, 'web.config_file');
  if (answer.type === 'refused') throw HuatuoError.fromWire(answer.error);
  return answer.file;
}

function signature(files: readonly string[]): string {
  return files.map(stateOf).join();
}

function stateOf(file: string): string {
  try {
    const { dev, ino, size, mtimeMs } = statSync(file);
    return `${dev}:${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
