/** The half of a collector's ledger that has no ring behind it: documents it saved itself, counted in shared memory. */
import { type ActorStats, SAVED_ENDS } from '../actor/stats.ts';
import type { LedgerStatus } from '../web/status.ts';

const CAUSES = ['invalid', 'overloaded', 'refused', 'cancelled', 'lost', 'oversized'] as const;

const NO_RING = {
  produced: '0',
  journalled: '0',
  dropped_ring_full: '0',
  rate_limited: '0',
  malformed: '0',
  pending_bytes: '0',
  difference: '0',
};

/**
 * Adds what was saved to the ledger of the ring.
 * @param ring undefined for a collector without ring, or while that is not loaded
 * @returns undefined when there is no ring and nothing was saved
 */
export function withSaved(
  collector: string,
  ring: RingRow | undefined,
  stats: Pick<ActorStats, 'get'>,
): LedgerStatus | undefined {
  // What settles is read before what was made, so a document that is written meanwhile counts as pending and never as -1.
  const dropped = CAUSES.map((cause) => stats.get(`saved_${cause}`));
  const journalled = stats.get('saved_journalled');
  const produced = stats.get('saved_produced');
  if (!ring && produced === 0n) return undefined;
  const [invalid = 0n, overloaded = 0n, refused = 0n, cancelled = 0n, lost = 0n, oversized = 0n] = dropped;
  const row = { collector, ...(ring ?? NO_RING) };
  // The ring counts both as one. A ring that was made anew has none of the former one's.
  const malformed = BigInt(row.malformed);
  const leftOut = ring ? min(stats.get('oversized'), malformed) : 0n;
  const pending = produced - journalled - dropped.reduce((sum, count) => sum + count, 0n);
  return {
    ...row,
    produced: (BigInt(row.produced) + produced).toString(),
    saved_produced: produced.toString(),
    journalled: (BigInt(row.journalled) + journalled).toString(),
    malformed: (malformed - leftOut).toString(),
    dropped_invalid: invalid.toString(),
    dropped_overloaded: overloaded.toString(),
    dropped_refused: refused.toString(),
    dropped_cancelled: cancelled.toString(),
    dropped_lost: lost.toString(),
    dropped_oversized: (oversized + leftOut).toString(),
    difference: (BigInt(row.difference) + pending).toString(),
  };
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** What a ring has of the row. */
export type RingRow = Omit<LedgerStatus, 'saved_produced' | `dropped_${(typeof CAUSES)[number]}`>;

/**
 * Adds what a worker has saved that is gone for good. What it had pending is lost.
 * @param total of the collector
 */
export function settleSaved(total: ActorStats, ended: ActorStats): void {
  let pending = ended.get('saved_produced');
  total.add('saved_produced', Number(pending));
  for (const field of SAVED_ENDS) {
    total.add(field, Number(ended.get(field)));
    pending -= ended.get(field);
  }
  total.add('saved_lost', Number(pending));
}
