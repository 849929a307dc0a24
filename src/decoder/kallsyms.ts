/**
 * Kernel symbols for stacks, as three flat arrays in shared memory: read once by the first worker that needs them,
 * handed to its successors, copied into the decoder's memory where the look-up happens.
 *
 * `/proc/kallsyms` is 10 MB and 200,000 lines. It is read in chunks and parsed as bytes into growing shared arrays:
 * strings and objects for each line would cost the agent 60 MB of RSS that it never gets back.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** Sorted by address. `nameOffsets[i]` to `nameOffsets[i + 1]` delimit the i-th name in `names` (bytes as the kernel has them). */
export interface SymbolTable {
  readonly addresses: BigUint64Array;
  readonly nameOffsets: Uint32Array;
  readonly names: Uint8Array;
}

const CHUNK_BYTES = 64 * 1024;
const MAX_SYMBOLS = 1 << 20;
const MAX_NAME_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
/** Text symbols only: t and T (local, global), w and W (weak). */
const TEXT_TYPES: ReadonlySet<number> = new Set([...'tTwW'].map((letter) => letter.charCodeAt(0)));

/**
 * Reads `/proc/kallsyms`.
 * @returns an empty table when addresses are hidden (kernel.kptr_restrict) or the file is missing: stacks then show addresses
 */
export function readSymbols(procfs: string): SymbolTable {
  const builder = new SymbolTableBuilder();
  try {
    readChunks(join(procfs, 'kallsyms'), (chunk) => builder.push(chunk));
  } catch {
    return new SymbolTableBuilder().finish();
  }
  return builder.finish();
}

/** Parses lines of `address type name [\t[module]]`; lines of another shape and zero addresses are skipped. */
export function parseSymbols(text: Uint8Array): SymbolTable {
  const builder = new SymbolTableBuilder();
  builder.push(text);
  return builder.finish();
}

function readChunks(path: string, take: (chunk: Uint8Array) => void): void {
  const fd = openSync(path, 'r');
  try {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let bytes = readSync(fd, chunk); bytes > 0; bytes = readSync(fd, chunk))
      take(chunk.subarray(0, bytes));
  } finally {
    closeSync(fd);
  }
}

class SymbolTableBuilder {
  readonly #addresses = new SharedArrayBuffer(0, { maxByteLength: MAX_SYMBOLS * 8 });
  readonly #offsets = new SharedArrayBuffer(4, { maxByteLength: (MAX_SYMBOLS + 1) * 4 });
  readonly #names = new SharedArrayBuffer(0, { maxByteLength: MAX_NAME_BYTES });
  /** Low and high half of each address: comparing and storing them makes no BigInt. */
  readonly #halves = new Uint32Array(this.#addresses);
  readonly #nameOffsets = new Uint32Array(this.#offsets);
  readonly #nameBytes = new Uint8Array(this.#names);
  #count = 0;
  #end = 0;
  #sorted = true;
  #rest = new Uint8Array(0);

  /** Takes the next piece of the file; it may end in the middle of a line. */
  push(chunk: Uint8Array): void {
    const text = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = text.indexOf(NEWLINE); end >= 0; end = text.indexOf(NEWLINE, start)) {
      this.#line(text, start, end);
      start = end + 1;
    }
    this.#rest = text.slice(start);
  }

  finish(): SymbolTable {
    if (this.#rest.byteLength > 0) this.#line(this.#rest, 0, this.#rest.byteLength);
    const table = {
      addresses: new BigUint64Array(this.#addresses, 0, this.#count),
      nameOffsets: new Uint32Array(this.#offsets, 0, this.#count + 1),
      names: new Uint8Array(this.#names, 0, this.#end),
    };
    return this.#sorted ? table : sortByAddress(table);
  }

  #line(text: Uint8Array, start: number, end: number): void {
    const space = text.indexOf(SPACE, start);
    if (space <= start || space > start + 16 || space + 3 >= end || this.#count === MAX_SYMBOLS) return;
    if (!TEXT_TYPES.has(text[space + 1]!) || text[space + 2] !== SPACE) return;
    let high = 0;
    let low = 0;
    for (let i = start; i < space; i++) {
      const digit = hexDigit(text[i]!);
      if (digit < 0) return;
      high = ((high << 4) | (low >>> 28)) >>> 0;
      low = ((low << 4) | digit) >>> 0;
    }
    if (high === 0 && low === 0) return;
    this.#address(high, low);
    this.#name(text, space + 3, end);
  }

  #address(high: number, low: number): void {
    const last = (this.#count - 1) * 2;
    if (last >= 0) {
      const [lastLow = 0, lastHigh = 0] = [this.#halves[last], this.#halves[last + 1]];
      if (high < lastHigh || (high === lastHigh && low < lastLow)) this.#sorted = false;
    }
    const index = this.#count++;
    grow(this.#addresses, this.#count * 8);
    this.#halves[index * 2] = low;
    this.#halves[index * 2 + 1] = high;
  }

  /** Byte by byte: a view for each name would be garbage of a hundred bytes for a name of twenty. */
  #name(text: Uint8Array, start: number, end: number): void {
    grow(this.#names, this.#end + end - start);
    for (let i = start; i < end && text[i] !== TAB; i++) this.#nameBytes[this.#end++] = text[i]!;
    grow(this.#offsets, (this.#count + 1) * 4);
    this.#nameOffsets[this.#count] = this.#end;
  }
}

/** In steps of a page times sixteen; only memory that is used counts. */
function grow(buffer: SharedArrayBuffer, bytes: number): void {
  const step = 1 << 16;
  if (bytes > buffer.byteLength) buffer.grow(Math.min(buffer.maxByteLength, Math.ceil(bytes / step) * step));
}

/** The kernel prints its own symbols in order; those of modules and BPF programs come behind and may not be. */
function sortByAddress(table: SymbolTable): SymbolTable {
  const order = Uint32Array.from(table.addresses.keys());
  const halves = new Uint32Array(table.addresses.buffer);
  order.sort((a, b) => halves[a * 2 + 1]! - halves[b * 2 + 1]! || halves[a * 2]! - halves[b * 2]!);
  const sorted = {
    addresses: new BigUint64Array(new SharedArrayBuffer(table.addresses.byteLength)),
    nameOffsets: new Uint32Array(new SharedArrayBuffer(table.nameOffsets.byteLength)),
    names: new Uint8Array(new SharedArrayBuffer(table.names.byteLength)),
  };
  let end = 0;
  for (const [to, from] of order.entries()) {
    const name = table.names.subarray(table.nameOffsets[from], table.nameOffsets[from + 1]);
    sorted.addresses[to] = table.addresses[from]!;
    sorted.names.set(name, end);
    end += name.byteLength;
    sorted.nameOffsets[to + 1] = end;
  }
  return sorted;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
}
