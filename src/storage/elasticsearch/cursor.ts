/**
 * How far each tracer has been delivered, on disk: written beside, synced and renamed, so that a crash leaves the old one or the new.
 *
 *   bookmark ── delivered ──► ◄── may have been sent ──► reserved ──► has not been sent
 *
 * Between the two, a crash leaves documents of which the server may have some; they are asked for before they are sent again. A cursor
 * that cannot be read costs no document: everything in the journal is asked for.
 */
import { closeSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../sdk/context.ts';
import type { Bookmark } from '../journal/bookmark.ts';
import { openDirectory } from '../journal/directory.ts';

const FILE = 'cursor.json';

interface Progress {
  readonly bookmark: Bookmark;
  /** Sequence number before which documents may have been sent. */
  readonly reserved: number;
}

export class Cursor {
  readonly #path: string;
  readonly #log: Log;
  readonly #streams: Map<string, Progress>;
  #writing: Promise<void> | undefined;
  #again: Promise<void> | undefined;

  /**
   * Reads it, after making its directory.
   * @throws DIRECTORY_NOT_WRITABLE
   */
  constructor(directory: string, log: Log) {
    closeSync(openDirectory(directory));
    this.#path = join(directory, FILE);
    this.#log = log;
    this.#streams = this.#read();
  }

  get(tracer: string): Progress | undefined {
    return this.#streams.get(tracer);
  }

  /** Resolves when it is on the disk. Calls that come together are one write. @throws the errno's error */
  async set(tracer: string, progress: Progress): Promise<void> {
    this.#streams.set(tracer, progress);
    if (this.#writing) {
      // The write that runs may have been made of the former numbers.
      this.#again ??= this.#writing.catch(() => undefined).then(() => this.#start());
      return this.#again;
    }
    return this.#start();
  }

  #start(): Promise<void> {
    this.#again = undefined;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    const streams = Object.fromEntries(this.#streams);
    const unfinished = `${this.#path}.tmp`;
    {
      await using file = await open(unfinished, 'w', 0o600);
      await file.writeFile(JSON.stringify({ version: 1, streams }));
      await file.datasync();
    }
    await rename(unfinished, this.#path);
    await using directory = await open(join(this.#path, '..'), 'r');
    await directory.sync();
  }

  #read(): Map<string, Progress> {
    try {
      const { version, streams } = JSON.parse(readFileSync(this.#path, 'utf8')) as {
        version: unknown;
        streams: Record<string, unknown>;
      };
      if (version !== 1) throw new Error(`version ${String(version)}`);
      return new Map(
        Object.entries(streams).filter((entry): entry is [string, Progress] => isProgress(entry[1])),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#log.warn(
          'the cursor of Elasticsearch is damaged: the server is asked for everything in the journal',
          {
            path: this.#path,
            error,
          },
        );
      return new Map();
    }
  }
}

function isProgress(value: unknown): value is Progress {
  const { bookmark, reserved } = (value ?? {}) as Partial<Progress>;
  if (typeof bookmark !== 'object' || bookmark === null) return false;
  const { sequence, segment, offset, check, checkBytes } = bookmark;
  const counts = [reserved, sequence, segment, offset, check, checkBytes];
  return (
    counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0) && checkBytes <= offset
  );
}
