/**
 * What is already written of each kernel ring, so that a restarted collector does not write it twice.
 *
 * "Already written" is a question about an interval, not about the highest position: after a refusal a later range can
 * be on disk while an earlier one is not, and acknowledging that one unwritten would lose it. So written ranges are
 * kept as merged intervals. Where memory bounds make the history forget, the answer is "not written": a document may
 * come twice (its event_id tells), never not at all.
 */
import { LRUCache } from 'lru-cache';
import type { RingRange } from './protocol.ts';

const MAX_RINGS = 256;
/** Of each ring. */
const MAX_RANGES = 64;

interface Interval {
  readonly start: bigint;
  readonly end: bigint;
}

interface Ring {
  /** Newest last. */
  readonly recent: RingRange[];
  /** Disjoint, not touching, ascending. */
  intervals: Interval[];
}

export class RingHistory {
  readonly #rings = new LRUCache<string, Ring>({ max: MAX_RINGS });

  /** The newest written ranges of a ring, oldest first, at most 64. */
  recent(ringId: string): readonly RingRange[] {
    return this.#rings.get(ringId)?.recent ?? [];
  }

  /** Whether every byte of the range was made into documents that are on disk. */
  covers(range: RingRange): boolean {
    const intervals = this.#rings.get(range.id)?.intervals ?? [];
    return intervals.some(({ start, end }) => start <= range.start && range.end <= end);
  }

  /** Notes a range whose documents were written just now. */
  add(range: RingRange): void {
    const ring = this.#rings.get(range.id) ?? { recent: [], intervals: [] };
    this.#rings.set(range.id, ring);
    ring.recent.push(range);
    if (ring.recent.length > MAX_RANGES) ring.recent.shift();
    ring.intervals = merge(ring.intervals, range);
  }
}

/** Adds an interval to a disjoint, ascending list; the lowest ones are forgotten when the list gets long. */
function merge(intervals: readonly Interval[], added: Interval): Interval[] {
  const below = intervals.filter(({ end }) => end < added.start);
  const above = intervals.filter(({ start }) => start > added.end);
  const touching = intervals.slice(below.length, intervals.length - above.length);
  const first = touching[0];
  const last = touching.at(-1);
  const start = first && first.start < added.start ? first.start : added.start;
  const end = last && last.end > added.end ? last.end : added.end;
  return [...below, { start, end }, ...above].slice(-MAX_RANGES);
}
