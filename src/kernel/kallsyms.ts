/**
 * Kernel symbols for stacks, as three flat arrays in shared memory: read once by the first worker that needs them,
 * handed to its successors, copied into the decoder's memory where the look-up happens.
 *
 * `/proc/kallsyms` is 10 MB and 200,000 lines; it is walked as bytes, because strings and objects for each line would
 * cost the agent 50 MB of heap for a moment and of RSS for ever.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Sorted by address. `nameOffsets[i]` to `nameOffsets[i + 1]` delimit the i-th name in `names` (bytes as the kernel has them). */
export interface SymbolTable {
  readonly addresses: BigUint64Array;
  readonly nameOffsets: Uint32Array;
  readonly names: Uint8Array;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
/** Text symbols only: t and T (local, global), w and W (weak). */
const TEXT_TYPES = new Set([...'tTwW'].map((letter) => letter.charCodeAt(0)));

/**
 * Reads `/proc/kallsyms`.
 * @returns an empty table when addresses are hidden (kernel.kptr_restrict) or the file is missing: stacks then show addresses
 */
export function readSymbols(procfs: string): SymbolTable {
  try {
    return parseSymbols(readFileSync(join(procfs, 'kallsyms')));
  } catch {
    return parseSymbols(new Uint8Array());
  }
}

/** Where one symbol stands in the text. */
interface Line {
  readonly address: bigint;
  readonly nameStart: number;
  readonly nameEnd: number;
}

/** Parses lines of `address type name [\t[module]]`; lines of another shape and zero addresses are skipped. */
export function parseSymbols(text: Uint8Array): SymbolTable {
  let count = 0;
  let nameBytes = 0;
  for (const line of textSymbols(text)) {
    count += 1;
    nameBytes += line.nameEnd - line.nameStart;
  }
  const table = {
    addresses: new BigUint64Array(new SharedArrayBuffer(count * 8)),
    nameOffsets: new Uint32Array(new SharedArrayBuffer((count + 1) * 4)),
    names: new Uint8Array(new SharedArrayBuffer(nameBytes)),
  };
  let index = 0;
  let end = 0;
  for (const line of inAddressOrder(text)) {
    table.addresses[index] = line.address;
    table.nameOffsets[index] = end;
    table.names.set(text.subarray(line.nameStart, line.nameEnd), end);
    end += line.nameEnd - line.nameStart;
    index += 1;
  }
  table.nameOffsets[count] = end;
  return table;
}

/** The kernel prints its own symbols in order; modules come after and may not be. Only then is a sort needed. */
function inAddressOrder(text: Uint8Array): Iterable<Line> {
  let last = 0n;
  for (const line of textSymbols(text)) {
    if (line.address < last) return [...textSymbols(text)].sort((a, b) => (a.address < b.address ? -1 : 1));
    last = line.address;
  }
  return textSymbols(text);
}

function* textSymbols(text: Uint8Array): Generator<Line> {
  for (let start = 0; start < text.byteLength; ) {
    const newline = text.indexOf(NEWLINE, start);
    const end = newline < 0 ? text.byteLength : newline;
    const line = parseLine(text, start, end);
    if (line) yield line;
    start = end + 1;
  }
}

function parseLine(text: Uint8Array, start: number, end: number): Line | undefined {
  const space = text.indexOf(SPACE, start);
  if (space <= start || space > start + 16 || space + 3 >= end) return undefined;
  if (!TEXT_TYPES.has(text[space + 1]!) || text[space + 2] !== SPACE) return undefined;
  const address = parseHex(text, start, space);
  if (address === undefined || address === 0n) return undefined;
  const tab = text.subarray(space + 3, end).indexOf(TAB);
  return { address, nameStart: space + 3, nameEnd: tab < 0 ? end : space + 3 + tab };
}

/** Two halves of 32 bits: one BigInt for each symbol instead of one for each digit. */
function parseHex(text: Uint8Array, start: number, end: number): bigint | undefined {
  let high = 0;
  let low = 0;
  for (let i = start; i < end; i++) {
    const digit = hexDigit(text[i]!);
    if (digit < 0) return undefined;
    high = ((high << 4) | (low >>> 28)) >>> 0;
    low = ((low << 4) | digit) >>> 0;
  }
  return (BigInt(high) << 32n) | BigInt(low);
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
}
