/** What one collector holds of the kernel, through all lives of its worker: the object, its ring's wake-ups, its ledger. */

import type { KernelCalls } from '../actor/kernel-calls.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { COMMIT_SLOTS_WORDS, type Commit, readCommit } from '../decoder/ledger.ts';
import { HuatuoError } from '../error.ts';
import type { KernelPaths } from '../kernel/features.ts';
import { errnoName, libbpf } from '../kernel/libbpf.ts';
import { PROT_READ } from '../kernel/libc.ts';
import type { KernelObject } from '../kernel/object.ts';
import { KernelOwner, type ObjectSource } from '../kernel/object-owner.ts';
import { removePins } from '../kernel/pins/pin-set.ts';
import { MappedWords, RingPositions } from '../kernel/ring-view.ts';
import type { RingWatch } from '../kernel/ring-watch.ts';
import type { Log } from '../sdk/context.ts';
import type { LedgerStatus } from '../web/status.ts';

export interface CollectorKernelOptions {
  /** Of the configuration; those of the BPF object under their C names. */
  readonly options: Readonly<Record<string, unknown>>;
  /** On a BPF file system; set when maps and links are to outlive the agent. */
  readonly pinDirectory?: string | undefined;
  readonly paths: KernelPaths;
  readonly log: Log;
  /** Hears the rings' wake-ups. */
  readonly rings: RingWatch;
  /** There is something in the ring. */
  readonly wake: () => void;
}

export class CollectorKernel {
  readonly #name: string;
  readonly #owner: KernelOwner;
  readonly #options: CollectorKernelOptions;
  #watch: Disposable | undefined;
  #ledger: RingLedger | undefined;
  #ledgerOf: KernelObject | undefined;

  private constructor(name: string, source: ObjectSource, options: CollectorKernelOptions) {
    this.#name = name;
    this.#options = options;
    this.#owner = new KernelOwner(source, (object) => this.#watchRing(object));
  }

  /** @returns undefined for a collector without BPF programs */
  static of(entry: CatalogEntry, options: CollectorKernelOptions): CollectorKernel | undefined {
    const { name, manifest, objectPath, wasmPath } = entry;
    if (!manifest || !objectPath) return undefined;
    const { pinDirectory: directory, log, paths } = options;
    const pin = directory !== undefined && { pin: { directory, log } };
    const source = {
      manifest,
      objectPath,
      ...(wasmPath && { wasmPath }),
      options: bpfOptions(options.options),
      paths,
      ...pin,
    };
    return new CollectorKernel(name, source, options);
  }

  /** To be exposed on the worker's control port. */
  get calls(): KernelCalls {
    return this.#owner.calls;
  }

  /** See `KernelObject.setSampling`; false also while nothing is loaded. */
  setSampling(every: number): boolean {
    return this.#owner.object?.setSampling(every) ?? false;
  }

  /** Accounting of the ring, also while no worker runs; undefined before the first load and for objects without ring. */
  ledger(): LedgerStatus | undefined {
    const { object } = this.#owner;
    if (this.#ledgerOf !== object) {
      // A collector may unload its object and load it again.
      this.#ledger?.[Symbol.dispose]();
      this.#ledger = object && RingLedger.open(this.#name, object);
      this.#ledgerOf = object;
    }
    return this.#ledger?.read();
  }

  /** Lets go of everything; what is pinned goes on. No worker may run any more. */
  async release(): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#ledger?.[Symbol.dispose]();
    this.#ledger = undefined;
    this.#ledgerOf = undefined;
    await this.#owner.release();
  }

  /** The same, and nothing is left pinned. */
  async discard(): Promise<void> {
    const { pinDirectory } = this.#options;
    if (pinDirectory !== undefined) removePins(pinDirectory, this.#name);
    await this.release();
  }

  /** The ring outlives the worker, and so does the watch, until another object is loaded. */
  #watchRing(object: KernelObject): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    const { rings, wake } = this.#options;
    const ring = object.mapFd('events');
    if (ring !== undefined) this.#watch = rings.add(ring, wake);
  }
}

/** As `.rodata` takes them; the module's own options are not among them. */
function bpfOptions(options: Readonly<Record<string, unknown>>): Record<string, bigint> {
  const values = Object.entries(options).filter(([, value]) =>
    ['number', 'bigint', 'boolean'].includes(typeof value),
  );
  return Object.fromEntries(values.map(([name, value]) => [name, BigInt(value as number)]));
}

/** The ledger of one collector's ring, read from the supervisor: both halves, and what waits in the ring. */

/** A commit takes a microsecond; under a flood the ring never stands still, and the last try is what there is. */
const ATTEMPTS = 10;

export class RingLedger implements Disposable {
  readonly #collector: string;
  readonly #ledgerFd: number;
  readonly #commits: MappedWords;
  readonly #positions: RingPositions;

  private constructor(collector: string, ringFd: number, ledgerFd: number, commitsFd: number) {
    this.#collector = collector;
    this.#ledgerFd = ledgerFd;
    this.#commits = new MappedWords(commitsFd, 0, COMMIT_SLOTS_WORDS, PROT_READ);
    this.#positions = new RingPositions(ringFd);
  }

  /** @returns undefined when the object has no event ring. `object` must stay loaded until dispose. */
  static open(collector: string, object: KernelObject): RingLedger | undefined {
    const [ring, ledger, commits] = ['events', 'ledger', 'ledger_commits'].map((name) => object.mapFd(name));
    if (ring === undefined || ledger === undefined || commits === undefined) return undefined;
    return new RingLedger(collector, ring, ledger, commits);
  }

  /**
   * Reads until the ring stood still for one reading, so that both halves and the positions belong to one moment. The
   * difference is exact when nothing is pending; else it is what waits in the ring.
   */
  read(): LedgerStatus | undefined {
    let last: LedgerStatus | undefined;
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
    this.#positions[Symbol.dispose]();
    this.#commits[Symbol.dispose]();
  }
}

/** The sum that must close: produced = journalled + dropped_ring_full + rate_limited + malformed + what is pending. */
export function ledgerStatus(
  collector: string,
  { journalled, malformed }: Commit,
  { produced, dropped_ring_full, rate_limited }: KernelCounts,
  pending_bytes: bigint,
): LedgerStatus {
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

/** Reads the map `ledger` of a loaded object. @throws SYSCALL_FAILED */
export function readKernelCounts(ledgerFd: number): KernelCounts {
  const api = libbpf();
  const values = new BigUint64Array(WORDS * api.libbpf_num_possible_cpus());
  const result = api.bpf_map_lookup_elem(ledgerFd, new Uint8Array(4), new Uint8Array(values.buffer));
  if (result < 0) {
    throw new HuatuoError('SYSCALL_FAILED', {
      found: `the ledger could not be read (${errnoName(result)})`,
      remedy: 'the collector is restarted; if it comes back, report it',
    });
  }
  const sums = [0n, 0n, 0n];
  for (const [index, value] of values.entries()) sums[index % WORDS]! += value;
  return { produced: sums[0]!, dropped_ring_full: sums[1]!, rate_limited: sums[2]! };
}
