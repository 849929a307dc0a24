/** The kernel's count of one ring against the documents on disk. Pure: numbers in, numbers and complaints out. */
import type { RingCounts } from './witness.ts';

/** Documents of one ring. */
export class RingDocuments {
  /** Copies by ring position and by sequence number; as bytes, because a run makes millions. */
  #positions: Uint8Array = new Uint8Array(1024);
  #sequences: Uint8Array = new Uint8Array(1024);
  /** Every record starts at a multiple of eight. */
  static readonly #ALIGN = 8;

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
  /** In a ring that went with its agent. */
  readonly killed: number;
  /** Less than 0: more on disk than was made. */
  readonly unexplained: number;
  /** What must not be, one sentence each. */
  readonly faults: readonly string[];
}

/** @param stride bytes from one record to the next */
export function account(
  counts: RingCounts,
  documents: RingDocuments,
  { abandoned, repeats }: Omit<RingHistory, 'story'>,
  stride: number,
): Account {
  const faults: string[] = [];
  const expect = (what: string, found: bigint | number, wanted: bigint | number): void => {
    if (BigInt(found) !== BigInt(wanted)) faults.push(`${what}: ${found}, expected ${wanted}`);
  };
  const on_disk = documents.distinct();
  const committed = documents.distinct(counts.consumer);
  const waiting = Number(counts.producer - counts.consumer) / stride;
  const killed = abandoned ? waiting - (on_disk - committed) : 0;
  const [ring_full, rate_limited, malformed] = [
    Number(counts.dropped_ring_full),
    Number(counts.rate_limited),
    Number(counts.malformed),
  ];
  const unexplained = Number(counts.attempted) - (on_disk + ring_full + rate_limited + malformed + killed);
  expect('events of the ledger, attempts of the program', counts.produced, counts.attempted);
  expect('committed documents on disk, journalled by the ledger', committed, counts.journalled);
  expect('sequence numbers on disk, ids on disk', documents.sequences, on_disk);
  expect('unexplained loss', unexplained, 0);
  if (!abandoned) expect('records nobody has read', waiting, 0);
  if (documents.most_copies > 1 + repeats)
    faults.push(`an event is on disk ${documents.most_copies} times, ${1 + repeats} can be explained`);
  return {
    produced: Number(counts.attempted),
    on_disk,
    duplicates: documents.documents - on_disk,
    ring_full,
    rate_limited,
    malformed,
    killed,
    unexplained,
    faults,
  };
}
