/** What one collector holds of the kernel, through all runs of its worker: the object, its ring's wake-ups, its ledger. */

import type { KernelCalls } from '../actor/kernel-calls.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import type { KernelPaths } from '../kernel/features.ts';
import type { KernelObject } from '../kernel/object.ts';
import { KernelOwner, type ObjectSource } from '../kernel/object-owner.ts';
import { removePins } from '../kernel/pins/pin-set.ts';
import type { RingWatch } from '../kernel/ring-watch.ts';
import type { Log } from '../sdk/context.ts';
import type { LedgerStatus } from '../web/status.ts';
import { RingLedger } from './ring-ledger.ts';

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
