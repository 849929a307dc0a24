/** Kernel addresses -> `symbol+0xoff`. The table is the agent's and shared; this thread searches it. */
import type { LookupCalls } from '../actor/kernel-calls.ts';
import { type KernelSymbols, modulesOf } from '../decoder/kallsyms.ts';
import { symbolAt } from '../decoder/symbol-table.ts';

/** BPF programs come and go without a trace in /proc/modules: for an address outside every symbol the table is read again this often. */
const UNKNOWN_REFRESH_MS = 60_000;

export class KernelFrames {
  readonly #kernel: LookupCalls;
  readonly #procfs: string;
  #symbols: KernelSymbols | undefined;
  #read_ms = Number.NEGATIVE_INFINITY;

  constructor(kernel: LookupCalls, procfs: string) {
    this.#kernel = kernel;
    this.#procfs = procfs;
  }

  /** @returns a name for each address, the address itself when it has none; JSON-safe */
  async names(addresses: readonly bigint[]): Promise<readonly string[]> {
    if (!this.#symbols) await this.#read();
    else if (this.#isOld(addresses)) await this.#read();
    const table = this.#symbols?.table;
    return addresses.map((address) => (table && symbolAt(table, address)) ?? `0x${address.toString(16)}`);
  }

  /** The kernel's own code stays where it is; only what lies outside can have come after the table was read. */
  #isOld(addresses: readonly bigint[]): boolean {
    const { core, modules, table } = this.#symbols!;
    const outside = addresses.filter((address) => address < core.start || address >= core.end);
    if (outside.length === 0) return false;
    if (modulesOf(this.#procfs) !== modules) return true;
    const isRested = performance.now() - this.#read_ms > UNKNOWN_REFRESH_MS;
    // A table without symbols is one that may not be seen: reading it again shows no more.
    return (
      isRested &&
      table.addresses.length > 0 &&
      outside.some((address) => symbolAt(table, address) === undefined)
    );
  }

  async #read(): Promise<void> {
    this.#read_ms = performance.now();
    this.#symbols = (await this.#kernel.kernelSymbols(this.#symbols?.version ?? 0)) ?? this.#symbols;
  }
}
