/** Host side of `wasm/symbols.ts`: the kernel's symbols, copied into the memory of a decoder. */
import { type DecoderRegions, regionBytes } from './decoder-memory.ts';
import type { SymbolTable } from './kallsyms.ts';

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
