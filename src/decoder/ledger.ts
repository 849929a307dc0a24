/**
 * The ledger of one ring: every event is counted once on each side of the kernel boundary, and the sums must meet.
 *
 *   BPF, per CPU                    reader, at each commit
 *   produced ─┬─ rate_limited
 *             ├─ dropped_ring_full
 *             └─ in the ring ──────► journalled + malformed
 *
 * Both halves are BPF maps beside the ring (bpf/include/event.h), so they live as long as the ring does and survive
 * any reader. Moving the consumer position and counting what it covers must look like one step although a worker may
 * die between them: the count is first written to the slot that is not in force, stamped with the position it
 * belongs to, and the consumer position, published second, is what puts it in force.
 *
 * The slots are mapped, and a watcher in another thread reads them while they are written. The stamp is written first and
 * read once more at last: a slot that was taken for the next commit meanwhile does not have the old stamp any more.
 */
import { HuatuoError } from '../error.ts';

/** The reader's half: what was made of the ring's bytes up to `position`. */
export interface Commit {
  readonly position: bigint;
  readonly journalled: bigint;
  readonly malformed: bigint;
}

const COMMIT_WORDS = 3;
const SLOTS = [0, COMMIT_WORDS] as const;
/** The map `ledger_commits`, as 64-bit words. */
export const COMMIT_SLOTS_WORDS = 6;
const START: Commit = { position: 0n, journalled: 0n, malformed: 0n };

/**
 * The commit that is in force, given the ring's consumer position.
 * @param slots view of the map `ledger_commits`
 * @returns all zero for a ring that has not been read; undefined when neither slot belongs to the position, which happens
 * only while a commit is being made by another thread (read again)
 */
export function readCommit(slots: BigUint64Array, consumerPosition: bigint): Commit | undefined {
  if (consumerPosition === 0n) return START;
  for (const slot of SLOTS) {
    if (Atomics.load(slots, slot) !== consumerPosition) continue;
    const journalled = Atomics.load(slots, slot + 1);
    const malformed = Atomics.load(slots, slot + 2);
    if (Atomics.load(slots, slot) === consumerPosition)
      return { position: consumerPosition, journalled, malformed };
  }
  return undefined;
}

/** The reader's end of the ledger: one for each ring, in the collector's thread. */
export class CommitLog {
  readonly #slots: BigUint64Array;
  readonly #publish: (position: bigint) => void;
  #current: Commit;

  /**
   * @param slots view of the map `ledger_commits`
   * @param consumerPosition of the ring, as it was found
   * @param publish stores the ring's consumer position; called after the count is in place
   * @throws RING_CORRUPT when the ring has been read by a reader that keeps no ledger
   */
  constructor(slots: BigUint64Array, consumerPosition: bigint, publish: (position: bigint) => void) {
    this.#slots = slots;
    this.#publish = publish;
    const found = readCommit(slots, consumerPosition);
    if (!found) {
      throw new HuatuoError('RING_CORRUPT', {
        expected: `a ledger entry for consumer position ${consumerPosition}`,
        found: 'none: another process reads this ring',
        remedy: 'stop the other reader and restart the collector',
      });
    }
    this.#current = found;
  }

  get current(): Commit {
    return this.#current;
  }

  /** Frees the ring up to `position` and counts what was made of it. */
  commit(position: bigint, documents: number, malformed: number): void {
    if (position === this.#current.position) return;
    const next: Commit = {
      position,
      journalled: this.#current.journalled + BigInt(documents),
      malformed: this.#current.malformed + BigInt(malformed),
    };
    const [first, second] = SLOTS;
    const spare = Atomics.load(this.#slots, first) === this.#current.position ? second : first;
    Atomics.store(this.#slots, spare, next.position);
    Atomics.store(this.#slots, spare + 1, next.journalled);
    Atomics.store(this.#slots, spare + 2, next.malformed);
    this.#publish(position);
    this.#current = next;
  }
}
