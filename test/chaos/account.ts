/** The kernel's count of one ring against the documents on disk. Pure: numbers in, numbers and complaints out. */
import type { RingCounts } from './witness.ts';

/** Documents of one ring. */
export class RingDocuments {
  /** Copies by ring position and by sequence number; as bytes, because a run makes millions. */
  #positions: Uint8Array = new Uint8Array(1024);
  #sequences: Uint8Array = new Uint8Array(1024);
  /** Every record starts at a multiple of eight. */
  static readonly #ALIGN = 8;

  /** These and others: a copy of each that either has. */
  with(others: RingDocuments): RingDocuments {
    const all = new RingDocuments();
    all.#positions = sum(this.#positions, others.#positions);
    all.#sequences = sum(this.#sequences, others.#sequences);
    return all;
  }

  add(position: number, sequence: number): void {
    this.#positions = counted(this.#positions, position / RingDocuments.#ALIGN);
    this.#sequences = counted(this.#sequences, sequence);
  }

  /** Distinct event ids; with `end`, of those before that position. */
  distinct(end: bigint = BigInt(this.#positions.length * RingDocuments.#ALIGN)): number {
    return this.#positions
      .subarray(0, Number(end) / RingDocuments.#ALIGN)
      .reduce((n, c) => n + Number(c > 0), 0);
  }

  get documents(): number {
    return this.#positions.reduce((sum, copies) => sum + copies, 0);
  }

  /** Distinct numbers that the program gave them: as many as ids, or an event is on disk under two. */
  get sequences(): number {
    return this.#sequences.reduce((n, copies) => n + Number(copies > 0), 0);
  }

  get most_copies(): number {
    return this.#positions.reduce((most, copies) => Math.max(most, copies), 0);
  }
}

/** @returns the same array, or a longer one with its content */
function counted(counts: Uint8Array, index: number): Uint8Array {
  let all = counts;
  if (index >= counts.length) {
    all = new Uint8Array(Math.max(2 * counts.length, index + 1));
    all.set(counts);
  }
  all[index]! += 1;
  return all;
}

function sum(one: Uint8Array, other: Uint8Array): Uint8Array {
  const [longer, shorter] = one.length > other.length ? [one, other] : [other, one];
  return longer.map((copies, index) => copies + (shorter[index] ?? 0));
}

/** What happened to a ring. */
export interface RingHistory {
  /** Every fault that was injected while it was read, for the reader of a complaint. */
  readonly story: string[];
  /** Its agent was killed without pins: what waited in it went with it. */
  abandoned: boolean;
  /** How often what was sent may not have been acknowledged although it was written. */
  repeats: number;
}

export interface Account {
  readonly produced: number;
  readonly on_disk: number;
  readonly duplicates: number;
  readonly ring_full: number;
  readonly rate_limited: number;
  readonly malformed: number;
  /** Were on disk, and a fault has deleted them there. */
  readonly taken: number;
  /** In a ring that went with its agent. */
  readonly killed: number;
  /** Less than 0: more on disk than was made. */
  readonly unexplained: number;
  /** What must not be, one sentence each. */
  readonly faults: readonly string[];
}

/**
 * @param kept documents that are on disk
 * @param gone what faults have taken from the disk
 * @param stride bytes from one record to the next
 */
export function account(
  counts: RingCounts,
  kept: RingDocuments,
  gone: RingDocuments,
  { abandoned, repeats }: Omit<RingHistory, 'story'>,
  stride: number,
): Account {
  const faults: string[] = [];
  const expect = (what: string, found: bigint | number, wanted: bigint | number): void => {
    if (BigInt(found) !== BigInt(wanted)) faults.push(`${what}: ${found}, expected ${wanted}`);
  };
  const written = kept.with(gone);
  const on_disk = kept.distinct();
  const taken = written.distinct() - on_disk;
  const committed = written.distinct(counts.consumer);
  const waiting = Number(counts.producer - counts.consumer) / stride;
  const killed = abandoned ? waiting - (written.distinct() - committed) : 0;
  const [ring_full, rate_limited, malformed] = [
    Number(counts.dropped_ring_full),
    Number(counts.rate_limited),
    Number(counts.malformed),
  ];
  const unexplained =
    Number(counts.attempted) - (on_disk + taken + ring_full + rate_limited + malformed + killed);
  expect('events of the ledger, attempts of the program', counts.produced, counts.attempted);
  expect('committed documents on disk, journalled by the ledger', committed, counts.journalled);
  expect('sequence numbers on disk, ids on disk', written.sequences, written.distinct());
  expect('unexplained loss', unexplained, 0);
  if (!abandoned) expect('records nobody has read', waiting, 0);
  if (written.most_copies > 1 + repeats)
    faults.push(`an event is on disk ${written.most_copies} times, ${1 + repeats} can be explained`);
  return {
    produced: Number(counts.attempted),
    on_disk,
    duplicates: kept.documents - on_disk,
    ring_full,
    rate_limited,
    malformed,
    taken,
    killed,
    unexplained,
    faults,
  };
}
