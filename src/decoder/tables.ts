/** Host side of `wasm/containers.ts`: what each cgroup id is called in documents, bounded. */
import { HuatuoError } from '../error.ts';
import type { SymbolTable } from './kallsyms.ts';
import { type DecoderRegions, LIMITS, regionBytes } from './memory.ts';

/** Half of the slots stay free, so that a search ends soon. */
export const MAX_CONTAINERS: number = LIMITS.CONTAINER_SLOTS / 2;

/** The module's own insert, so that only one side knows the hash. */
export type InsertContainer = (cgroupId: bigint, address: number, bytes: number) => void;

export class ContainerTable {
  readonly #insert: InsertContainer;
  readonly #slots: Uint8Array;
  readonly #fragments: Uint8Array;
  #containers = 0;
  #usedBytes = 0;

  constructor(memory: WebAssembly.Memory, regions: DecoderRegions, insert: InsertContainer) {
    this.#insert = insert;
    this.#slots = regionBytes(memory, regions.containers);
    this.#fragments = regionBytes(memory, regions.fragments);
  }

  /** See `Decoder.addContainer`. */
  add(cgroupId: bigint, fragment: string | null): void {
    const text = Buffer.from(fragment ?? '');
    if (text.length > LIMITS.MAX_FRAGMENT_BYTES) {
      throw new HuatuoError('COLLECTOR_INVALID', {
        expected: `a container description of at most ${LIMITS.MAX_FRAGMENT_BYTES} bytes`,
        found: `${text.length} bytes for cgroup ${cgroupId}`,
        remedy: 'cut its longest member before it is handed over',
      });
    }
    const full = this.#containers >= MAX_CONTAINERS || this.#usedBytes + text.length > this.#fragments.length;
    if (full) this.clear();
    this.#fragments.set(text, this.#usedBytes);
    this.#insert(cgroupId, this.#fragments.byteOffset + this.#usedBytes, text.length);
    this.#usedBytes += text.length;
    this.#containers++;
  }

  clear(): void {
    this.#slots.fill(0);
    this.#containers = 0;
    this.#usedBytes = 0;
  }
}

export const NO_SYMBOLS: SymbolTable = {
  addresses: new BigUint64Array(0),
  nameOffsets: new Uint32Array(1),
  names: new Uint8Array(0),
};

const QUESTION_MARK = 0x3f;

/**
 * Fills the three regions; the table stays the caller's. An empty name ends the symbol before it: addresses behind it
 * are printed as numbers. The module writes names as they are, so what JSON would have to escape becomes `?`.
 */
export function copySymbols(memory: WebAssembly.Memory, regions: DecoderRegions, symbols: SymbolTable): void {
  const { addresses, nameOffsets, names } = symbols;
  new BigUint64Array(memory.buffer, regions.symbolAddresses.offset, addresses.length).set(addresses);
  new Uint32Array(memory.buffer, regions.symbolNameOffsets.offset, nameOffsets.length).set(nameOffsets);
  const copied = regionBytes(memory, regions.symbolNames);
  for (let i = 0; i < names.length; i++) copied[i] = printable(names[i] ?? 0);
}

function printable(byte: number): number {
  const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
  return plain ? byte : QUESTION_MARK;
}
