/** Documents that the server rejects, with its reason: a journal of their own beside the cursor, until `huatuo resend`. */
import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import type { Log } from '../../sdk/context.ts';
import { Journal, type JournalOptions } from '../journal/journal.ts';
import { clean } from './failure.ts';

const SEGMENTS = 8;
const MIN_SEGMENT_BYTES = 64 * 1024;

export interface DeadLetter {
  /** Empty for what is no document. */
  readonly id: string;
  readonly status: number;
  readonly type: string;
  readonly reason: string;
  /** The line as it was in the journal. */
  readonly document: Buffer;
}

/** One line of the dead-letter journal. */
export interface StoredLetter {
  readonly '@timestamp': string;
  readonly event_id: string;
  readonly tracer_name: string;
  readonly status: number;
  readonly type: string;
  readonly reason: string;
  readonly document: string;
  /** How `document` is written; base64 for bytes that are no UTF-8. */
  readonly encoding: 'utf8' | 'base64';
}

export function deadLetterDirectory(state: string): string {
  return join(state, 'dead_letter');
}

export class DeadLetters {
  readonly #journal: Journal;

  /** @throws DIRECTORY_NOT_WRITABLE */
  constructor(state: string, totalBytes: number, log: Log) {
    const options = {
      directory: deadLetterDirectory(state),
      segment_bytes: Math.max(MIN_SEGMENT_BYTES, Math.floor(totalBytes / SEGMENTS)),
      segments: SEGMENTS,
      total_bytes: totalBytes,
      fsync_interval_ms: 60_000,
      compression: 'sealed',
    } satisfies JournalOptions;
    this.#journal = new Journal(options, log);
  }

  /** Documents that the bound of the journal has deleted. */
  get expired(): number {
    return Object.values(this.#journal.status()).reduce(
      (sum, { expired_documents }) => sum + expired_documents,
      0,
    );
  }

  /** Resolves when they are on the disk. @throws JOURNAL_FAILED; none or all of them are there then */
  async add(tracer: string, letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    const now = new Date().toISOString();
    const lines = letters.map((letter) => `${JSON.stringify(stored(tracer, letter, now))}\n`);
    this.#journal.append(tracer, Buffer.from(lines.join('')), letters.length);
    await this.#journal.flush();
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}

function stored(
  tracer: string,
  { id, status, type, reason, document }: DeadLetter,
  now: string,
): StoredLetter {
  const encoding = isUtf8(document) ? 'utf8' : 'base64';
  return {
    '@timestamp': now,
    event_id: id,
    tracer_name: tracer,
    status,
    type: clean(type),
    reason: clean(reason),
    document: document.toString(encoding),
    encoding,
  };
}
