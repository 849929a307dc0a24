/**
 * A cap for the agent as a whole. Each worker's heap has a limit of its own and its buffers are pooled, so this is for what
 * nobody foresaw: over the cap the largest collector is replaced, which costs it some milliseconds and no event.
 */
import { HuatuoError } from '../error.ts';

/** A worker that could be replaced. */
export interface Candidate {
  readonly name: string;
  readonly heap_bytes: number;
  end(error: HuatuoError): void;
}

/** Memory is given back late; a second replacement before that would hit an innocent one. */
const PAUSE_MS = 30_000;

export class MemoryGuard {
  readonly #limit_bytes: number;
  #nextAt_ms = 0;

  constructor(limit_bytes: number) {
    this.#limit_bytes = limit_bytes;
  }

  /**
   * Replaces the largest candidate when the agent is over its cap.
   * @param rss_bytes resident memory of the process
   * @returns whether one was replaced
   */
  check(rss_bytes: number, now_ms: number, candidates: readonly Candidate[]): boolean {
    if (rss_bytes <= this.#limit_bytes || now_ms < this.#nextAt_ms) return false;
    const largest = candidates.toSorted((a, b) => b.heap_bytes - a.heap_bytes)[0];
    if (!largest) return false;
    this.#nextAt_ms = now_ms + PAUSE_MS;
    largest.end(
      new HuatuoError('MEMORY_LIMIT', {
        expected: `at most ${this.#limit_bytes} bytes of memory for the agent`,
        found: `${rss_bytes} bytes, and ${largest.name} has the largest heap (${largest.heap_bytes} bytes)`,
        remedy: 'it is replaced; if it comes back, look for a leak in it, or raise supervisor.memory_limit',
      }),
    );
    return true;
  }
}
