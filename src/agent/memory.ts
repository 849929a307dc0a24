/**
 * The memory of the process: a cap for the agent as a whole, and what malloc keeps of ended threads.
 *
 * Each worker's heap has a limit of its own and its buffers are pooled, so the cap is for what those limits do not foresee: over it
 * the thread that has grown most is replaced, which costs it some milliseconds and no event. The largest one may be the one that
 * has the most to do; and where none has grown, replacing any of them would give nothing back.
 *
 * malloc keeps the memory of ended threads in pieces that the next thread does not fit into. Giving it back takes some milliseconds,
 * with malloc's arenas locked one by one, so what comes in rows shares one trim. Main thread only.
 */

import { collectGarbage } from '../actor/collect-garbage.ts';
import type { ActorState } from '../actor/state.ts';
import { HuatuoError } from '../error.ts';
import { setMallocThresholds, trimMalloc } from '../kernel/libc.ts';
import { unmapProgramPages } from '../kernel/program-pages.ts';
import type { Log } from '../sdk/context.ts';
import { hasMallocOfStart, SETTLED_THRESHOLD_BYTES } from './malloc.ts';

/** A worker that could be replaced. */
export interface Candidate {
  readonly name: string;
  /** Above the least it was seen with. */
  readonly grown_bytes: number;
  end(error: HuatuoError): void;
}

/** Memory is given back late; a second replacement before that would hit an innocent one. */
const PAUSE_MS = 30_000;
/** What a quiet thread's heap moves between two collections. */
const USUAL_GROWTH_BYTES = 8 << 20;

export class MemoryGuard {
  readonly #log: Log;
  #nextAt_ms = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Replaces the candidate that has grown most when the agent is over its cap.
   * @param rss_bytes resident memory of the process
   * @returns whether one was replaced
   */
  check(rss_bytes: number, limit_bytes: number, now_ms: number, candidates: readonly Candidate[]): boolean {
    if (rss_bytes <= limit_bytes || now_ms < this.#nextAt_ms) return false;
    this.#nextAt_ms = now_ms + PAUSE_MS;
    const found = `${rss_bytes} bytes`;
    const grown = candidates.toSorted((a, b) => b.grown_bytes - a.grown_bytes)[0];
    if (!grown || grown.grown_bytes < USUAL_GROWTH_BYTES) {
      const remedy = 'raise supervisor.memory_limit, or switch off collectors that are not needed';
      const error = overLimit(limit_bytes, `${found}, and no thread has grown`, remedy);
      this.#log.warn('the agent needs more memory than it may', { error });
      return false;
    }
    grown.end(
      overLimit(
        limit_bytes,
        `${found}, and ${grown.name} has grown most, by ${grown.grown_bytes} bytes`,
        'it is replaced; if it comes back, look for a leak in it, or raise supervisor.memory_limit',
      ),
    );
    return true;
  }
}

/** Resident memory of this process; undefined while no more file can be opened to read it from. */
export function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}

function overLimit(limit_bytes: number, found: string, remedy: string): HuatuoError {
  const expected = `at most ${limit_bytes} bytes of memory for the agent`;
  return new HuatuoError('MEMORY_LIMIT', { expected, found, remedy });
}

const AFTER_EXIT_MS = 500;
/** By then the last of them is done. */
const AFTER_COLLECTION_MS = 2000;

const due = new Map<number, NodeJS.Timeout>();

function trimAfter(delay_ms: number, trimmed: () => void = () => undefined): void {
  if (due.has(delay_ms)) return;
  const timer = setTimeout(() => {
    due.delete(delay_ms);
    collectAtTimes();
    trimMalloc();
    trimmed();
  }, delay_ms);
  due.set(delay_ms, timer.unref());
}

/**
 * Threads have collected their garbage: the main thread does so too, what all of them have freed goes back to the system, and so
 * does what of the program was needed last for this.
 */
export function threadsCollect(): void {
  trimAfter(AFTER_COLLECTION_MS, () => {
    // The start is over.
    if (hasMallocOfStart(process.env)) setMallocThresholds(SETTLED_THRESHOLD_BYTES);
    unmap(performance.now());
  });
}

/** In the five minutes between two collections, scrapes would bring ten megabytes of the program back. */
const UNMAP_EVERY_MS = 60_000;
let unmapped_ms = 0;

/** Called at each tick: the program's pages are unmapped now and then, not only after collections. */
export function unmapProgramAtTimes(now_ms: number): void {
  if (now_ms - unmapped_ms < UNMAP_EVERY_MS) return;
  unmap(now_ms);
}

function unmap(now_ms: number): void {
  unmapped_ms = now_ms;
  unmapProgramPages();
}

/**
 * Called when an actor's state has changed. What the supervisor had made for one that has ended is garbage, and V8 would let that
 * grow to its heap's own size.
 */
export function trimMemory(state: ActorState): void {
  if (ENDED.has(state)) trimAfter(AFTER_EXIT_MS);
}

/** A reload has been read and is in force, or refused: what it was made of is garbage now. */
export function trimAfterReload(): void {
  trimAfter(AFTER_EXIT_MS);
  // In a row of them the first was too soon for most.
  trimAfter(COLLECT_EVERY_MS);
}

const ENDED: ReadonlySet<ActorState> = new Set<ActorState>([
  'restarting',
  'failed',
  'unsupported',
  'stopped',
]);

/** Takes some 20 ms, in which the supervisor hears nothing: not for each of many ends in a row. */
const COLLECT_EVERY_MS = 20_000;
let collected_ms = Number.NEGATIVE_INFINITY;

function collectAtTimes(): void {
  if (performance.now() - collected_ms < COLLECT_EVERY_MS) return;
  collected_ms = performance.now();
  collectGarbage();
}
