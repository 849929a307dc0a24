/**
 * What of a stream is gone though no bound asked for it: segments that were deleted, renamed or cut by others. It is kept
 * beside the segments, in `.stream`, and makes the sum close over restarts:
 *
 *   next number = on disk + expired + lost
 *
 * Names of segments tell how many documents were before them, but not whether they expired or were taken away. The same
 * file says that a directory is a stream of the journal.
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSegmentName } from './segment.ts';

const FILE = '.stream';

interface Range {
  /** Number of the first document that is gone. */
  readonly first: number;
  readonly documents: number;
}

/** Whether a directory is a stream of the journal: it says so, or holds a segment. */
export function isStream(directory: string): boolean {
  return existsSync(join(directory, FILE)) || readdirSync(directory).some((name) => parseSegmentName(name));
}

export class Losses {
  readonly #path: string;
  #ranges: Range[];
  /** What is written down is something else. */
  #changed = false;

  /** Those of a stream's directory; none when it does not say, or is damaged. */
  constructor(directory: string) {
    this.#path = join(directory, FILE);
    this.#ranges = read(this.#path);
  }

  /** Documents that are gone, with numbers from `from` on and below `to`. */
  within(from: number, to: number = Number.POSITIVE_INFINITY): number {
    const ranges = this.#ranges.filter(({ first }) => from <= first && first < to);
    return ranges.reduce((sum, { documents }) => sum + documents, 0);
  }

  add(first: number, documents: number): void {
    if (documents <= 0) return;
    this.#ranges.push({ first, documents });
    this.#changed = true;
  }

  /**
   * Writes them down, those before the oldest segment as one: there are no more of them than segments. What is behind the next
   * number was another stream's. A disk that takes no file leaves the stream as it was, and what is lost is known until the
   * journal is closed.
   */
  save(oldest: number, next: number): void {
    const before = this.within(0, Math.min(oldest, next));
    const ranges = this.#ranges
      .filter(({ first }) => oldest <= first && first < next)
      .map(({ first, documents }) => ({ first, documents: Math.min(documents, next - first) }));
    if (before > 0) ranges.unshift({ first: 0, documents: before });
    const isSame = JSON.stringify(ranges) === JSON.stringify(this.#ranges);
    this.#ranges = ranges;
    if (isSame && !this.#changed && existsSync(this.#path)) return;
    this.#changed = true;
    try {
      writeFileSync(`${this.#path}.tmp`, `${JSON.stringify({ version: 1, lost: this.#ranges })}\n`, {
        mode: 0o600,
      });
      renameSync(`${this.#path}.tmp`, this.#path);
      this.#changed = false;
    } catch {
      // Full, read-only or gone: each is told by the append that meets it.
    }
  }
}

function read(path: string): Range[] {
  try {
    const { lost } = JSON.parse(readFileSync(path, 'utf8')) as { readonly lost: readonly Range[] };
    return lost.filter(({ first, documents }) => isCount(first) && isCount(documents));
  } catch {
    return [];
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
