/** What became of one tracer's documents since the actor was started. */
export interface StreamCounts {
  /** Stored by a request of this run. */
  shipped: number;
  /** Not stored again: the server had them. */
  deduplicated: number;
  /** Sent once more because the server could not take them. */
  retried: number;
  /** Rejected for good, with the reason in the dead-letter journal. */
  dead_lettered: number;
  /** Deleted by the journal's bound, or damaged on disk, before they were shipped. */
  lost: number;
  bytes: number;
}

export function noCounts(): StreamCounts {
  return { shipped: 0, deduplicated: 0, retried: 0, dead_lettered: 0, lost: 0, bytes: 0 };
}

/** Upper bounds of the latency histogram, in seconds. */
export const LATENCY_BUCKETS: readonly number[] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** How long bulk requests took, answered ones only. */
export class Latency {
  readonly counts: number[] = new Array(LATENCY_BUCKETS.length + 1).fill(0);
  sum_seconds = 0;

  observe(seconds: number): void {
    const index = LATENCY_BUCKETS.findIndex((bound) => seconds <= bound);
    const slot = index < 0 ? LATENCY_BUCKETS.length : index;
    this.counts[slot] = (this.counts[slot] ?? 0) + 1;
    this.sum_seconds += seconds;
  }
}
