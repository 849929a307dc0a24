/** The ledger of one collector's ring, read from the supervisor: both halves, and what waits in the ring. */

import { COMMIT_SLOTS_WORDS, type Commit, readCommit } from '../decoder/ledger.ts';
import { HuatuoError } from '../error.ts';
import { errnoName, libbpf } from '../kernel/libbpf.ts';
import { PROT_READ } from '../kernel/libc.ts';
import type { KernelObject } from '../kernel/object.ts';
import { MappedWords, RingPositions } from '../kernel/ring-view.ts';
import type { RingRow } from './saved-ledger.ts';

/** A commit takes a microsecond; under a flood the ring never stands still, and the last try is what there is. */
const ATTEMPTS = 10;

export class RingLedger implements Disposable {
  readonly #collector: string;
  readonly #ledgerFd: number;
  readonly #commits: MappedWords;
  readonly #positions: RingPositions;
  readonly #mapped: DisposableStack;

  private constructor(collector: string, ringFd: number, ledgerFd: number, commitsFd: number) {
    this.#collector = collector;
    this.#ledgerFd = ledgerFd;
    using mapped = new DisposableStack();
    this.#commits = mapped.use(new MappedWords(commitsFd, 0, COMMIT_SLOTS_WORDS, PROT_READ));
    this.#positions = mapped.use(new RingPositions(ringFd));
    this.#mapped = mapped.move();
  }

  /**
   * @returns undefined when the object has no event ring. `object` must stay loaded until dispose.
   * @throws MAP_FAILED
   */
  static open(collector: string, object: KernelObject): RingLedger | undefined {
    const [ring, ledger, commits] = ['events', 'ledger', 'ledger_commits'].map((name) => object.mapFd(name));
    if (ring === undefined || ledger === undefined || commits === undefined) return undefined;
    return new RingLedger(collector, ring, ledger, commits);
  }

  /**
   * Reads until the ring stood still for one reading, so that both halves and the positions belong to one moment. The
   * difference is exact when nothing is pending; else it is what waits in the ring.
   * @throws SYSCALL_FAILED
   */
  read(): RingRow | undefined {
    let last: RingRow | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { producer } = this.#positions;
      const kernel = readKernelCounts(this.#ledgerFd);
      const commit = readCommit(this.#commits.words, this.#positions.consumer);
      if (!commit) continue;
      last = ledgerStatus(this.#collector, commit, kernel, producer - commit.position);
      if (producer === this.#positions.producer && commit.position === this.#positions.consumer) break;
    }
    return last;
  }

  [Symbol.dispose](): void {
    this.#mapped[Symbol.dispose]();
  }
}

/** The sum that must close: produced = journalled + dropped_ring_full + rate_limited + malformed + what is pending. */
function ledgerStatus(
  collector: string,
  { journalled, malformed }: Commit,
  { produced, dropped_ring_full, rate_limited }: KernelCounts,
  pending_bytes: bigint,
): RingRow {
  const difference = produced - (journalled + dropped_ring_full + rate_limited + malformed);
  return {
    collector,
    produced: produced.toString(),
    journalled: journalled.toString(),
    dropped_ring_full: dropped_ring_full.toString(),
    rate_limited: rate_limited.toString(),
    malformed: malformed.toString(),
    pending_bytes: pending_bytes.toString(),
    difference: difference.toString(),
  };
}

/** The kernel's half of a ring's ledger (src/decoder/ledger.ts), read by system call: a per-CPU map cannot be mapped. */

/** Summed over all CPUs. */
export interface KernelCounts {
  readonly produced: bigint;
  readonly dropped_ring_full: bigint;
  readonly rate_limited: bigint;
}

const WORDS = 3;

/** What the kernel fills: a scrape reads the ledger of each ring, one after the other. */
let words = new BigUint64Array();
let bytes = new Uint8Array();
const FIRST = new Uint8Array(4);

/** Reads the map `ledger` of a loaded object. @throws SYSCALL_FAILED */
export function readKernelCounts(ledgerFd: number): KernelCounts {
  const api = libbpf();
  const count = WORDS * api.libbpf_num_possible_cpus();
  if (words.length !== count) {
    words = new BigUint64Array(count);
    bytes = new Uint8Array(words.buffer);
  }
  const result = api.bpf_map_lookup_elem(ledgerFd, FIRST, bytes);
  if (result < 0) {
    throw new HuatuoError('SYSCALL_FAILED', {
      found: `the ledger could not be read (${errnoName(result)})`,
      remedy: 'the collector is restarted; if it comes back, report it',
    });
  }
  const sums = [0n, 0n, 0n];
  for (const [index, value] of words.entries()) sums[index % WORDS]! += value;
  return { produced: sums[0]!, dropped_ring_full: sums[1]!, rate_limited: sums[2]! };
}
