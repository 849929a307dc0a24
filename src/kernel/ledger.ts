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
 */
import { HuatuoError } from '../error.ts';
import { errnoName, libbpf } from './libbpf.ts';

/** The kernel's half, summed over all CPUs. */
export interface KernelCounts {
  readonly produced: bigint;
  readonly dropped_ring_full: bigint;
  readonly rate_limited: bigint;
}

/** The reader's half: what was made of the ring's bytes up to `position`. */
export interface Commit {
  readonly position: bigint;
  readonly journalled: bigint;
  readonly malformed: bigint;
}

const KERNEL_WORDS = 3;
const COMMIT_WORDS = 3;
const START: Commit = { position: 0n, journalled: 0n, malformed: 0n };

function lookup(fd: number, key: number, words: number): BigUint64Array {
  const value = new BigUint64Array(words);
  const result = libbpf().bpf_map_lookup_elem(fd, bytesOf(Uint32Array.of(key)), bytesOf(value));
  if (result < 0) throw mapError('read', result);
  return value;
}

function bytesOf(array: Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function mapError(verb: string, result: number): HuatuoError {
  return new HuatuoError('SYSCALL_FAILED', {
    found: `the ledger could not be ${verb} (${errnoName(result)})`,
    remedy: 'the collector is restarted; if it comes back, report it',
  });
}

/** Reads the map `ledger` of a loaded object. */
export function readKernelCounts(ledgerFd: number): KernelCounts {
  const cpus = libbpf().libbpf_num_possible_cpus();
  const values = lookup(ledgerFd, 0, KERNEL_WORDS * cpus);
  const sums = [0n, 0n, 0n];
  for (const [index, value] of values.entries()) sums[index % KERNEL_WORDS]! += value;
  return { produced: sums[0]!, dropped_ring_full: sums[1]!, rate_limited: sums[2]! };
}

/**
 * The commit that is in force, given the ring's consumer position.
 * @returns all zero for a ring nobody has read; undefined when neither slot belongs to the position, which happens
 * only while a commit is being made by another thread (read again)
 */
export function readCommit(commitsFd: number, consumerPosition: bigint): Commit | undefined {
  if (consumerPosition === 0n) return START;
  for (const slot of [0, 1]) {
    const [position, journalled, malformed] = lookup(commitsFd, slot, COMMIT_WORDS);
    if (position === consumerPosition) return { position, journalled: journalled!, malformed: malformed! };
  }
  return undefined;
}

/** The reader's end of the ledger: one for each ring, in the collector's thread. */
export class CommitLog {
  readonly #fd: number;
  readonly #publish: (position: bigint) => void;
  #current: Commit;

  /**
   * @param commitsFd map `ledger_commits`
   * @param consumerPosition of the ring, as it was found
   * @param publish stores the ring's consumer position; called after the count is in place
   */
  constructor(commitsFd: number, consumerPosition: bigint, publish: (position: bigint) => void) {
    this.#fd = commitsFd;
    this.#publish = publish;
    const found = readCommit(commitsFd, consumerPosition);
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
    const next: Commit = {
      position,
      journalled: this.#current.journalled + BigInt(documents),
      malformed: this.#current.malformed + BigInt(malformed),
    };
    if (position === this.#current.position) return;
    this.#write(next);
    this.#publish(position);
    this.#current = next;
  }

  #write(next: Commit): void {
    const spare = readSlotPosition(this.#fd, 0) === this.#current.position ? 1 : 0;
    const value = BigUint64Array.of(next.position, next.journalled, next.malformed);
    const result = libbpf().bpf_map_update_elem(this.#fd, bytesOf(Uint32Array.of(spare)), bytesOf(value), 0);
    if (result < 0) throw mapError('written', result);
  }
}

function readSlotPosition(fd: number, slot: number): bigint {
  return lookup(fd, slot, COMMIT_WORDS)[0]!;
}
