/**
 * Symbols as three flat arrays in shared memory, so that every thread can search what one has read. Of the kernel they are
 * sorted by address, of a file by offset in the file.
 */

/**
 * Sorted by address. `nameOffsets[i]` to `nameOffsets[i + 1]` delimit the i-th name in `names` (bytes as they were found). An
 * empty name ends the symbol before it.
 */
export interface SymbolTable {
  readonly addresses: BigUint64Array;
  readonly nameOffsets: Uint32Array;
  readonly names: Uint8Array;
}

/** No function is this long: an address that is further behind a symbol does not belong to it. */
const MAX_SYMBOL_BYTES = 1n << 20n;
const MAX_SYMBOLS = 1 << 20;
const MAX_TABLE_NAME_BYTES = 64 * 1024 * 1024;
/** Names are cut here. */
export const MAX_NAME_BYTES = 512;
const MAX_FILE_NAME = 64;
const QUESTION_MARK = '?';
/** What needs no escape in JSON and is no letter of a terminal's language. */
const UNPRINTABLE = /[^ !#-[\]-~]/g;

/** @returns `name+0xoffset`, or undefined when the address belongs to no symbol; printable ASCII without quotes */
export function symbolAt(table: SymbolTable, address: bigint): string | undefined {
  const index = lastAtOrBelow(table.addresses, address);
  const start = table.addresses[index];
  if (start === undefined || address - start >= MAX_SYMBOL_BYTES) return undefined;
  const name = nameAt(table, index);
  return name === '' ? undefined : `${name}+0x${(address - start).toString(16)}`;
}

/** Bytes from someone else's file as text that can stand in JSON and on a terminal. */
export function printable(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, MAX_NAME_BYTES))
    .toString('latin1')
    .replace(UNPRINTABLE, QUESTION_MARK);
}

/** Base name of a file, for showing. */
export function shownFileName(name: string): string {
  return printable(Buffer.from(name)).slice(0, MAX_FILE_NAME);
}

/** Copies: a view of shared memory is not what Buffer's conversions expect. */
function nameAt({ names, nameOffsets }: SymbolTable, index: number): string {
  const start = nameOffsets[index] ?? 0;
  return printable(names.slice(start, Math.min(nameOffsets[index + 1] ?? start, start + MAX_NAME_BYTES)));
}

/** @returns -1 when all are above */
function lastAtOrBelow(addresses: BigUint64Array, address: bigint): number {
  let low = 0;
  let high = addresses.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses[middle]! <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * What a cache of tables counts a table as. A table that is larger than the whole cache would never be kept, and its file read again for
 * each of its names: it is counted as all of it, and stands there alone.
 * @param most bytes of the cache
 */
export function cachedBytes(table: SymbolTable | undefined, most: number): number {
  return table ? Math.min(most, 1024 + table.addresses.byteLength * 1.5 + table.names.byteLength) : 1024;
}

/** Makes a table, entry by entry, without an object or a string for any of them. */
export class SymbolTableWriter {
  readonly #addresses = new SharedArrayBuffer(0, { maxByteLength: MAX_SYMBOLS * 8 });
  readonly #offsets = new SharedArrayBuffer(4, { maxByteLength: (MAX_SYMBOLS + 1) * 4 });
  readonly #names = new SharedArrayBuffer(0, { maxByteLength: MAX_TABLE_NAME_BYTES });
  /** Low and high half of each address: comparing and storing them makes no BigInt. */
  readonly #halves = new Uint32Array(this.#addresses);
  readonly #nameOffsets = new Uint32Array(this.#offsets);
  readonly #nameBytes = new Uint8Array(this.#names);
  #count = 0;
  #end = 0;
  #sorted = true;

  /**
   * Appends an entry; does nothing when the table is full.
   * @param high upper half of the address
   * @param low lower half
   * @param text holds the name from `start` to `end`
   */
  add(high: number, low: number, text: Uint8Array, start: number, end: number): void {
    const bytes = Math.min(end - start, MAX_NAME_BYTES);
    if (this.#count === MAX_SYMBOLS || this.#end + bytes > MAX_TABLE_NAME_BYTES) return;
    this.#address(high, low);
    grow(this.#names, this.#end + bytes);
    // Byte by byte: a view for each name would be garbage of a hundred bytes for a name of twenty.
    for (let i = start; i < start + bytes; i++) this.#nameBytes[this.#end++] = text[i]!;
    grow(this.#offsets, (this.#count + 1) * 4);
    this.#nameOffsets[this.#count] = this.#end;
  }

  finish(): SymbolTable {
    const table = {
      addresses: new BigUint64Array(this.#addresses, 0, this.#count),
      nameOffsets: new Uint32Array(this.#offsets, 0, this.#count + 1),
      names: new Uint8Array(this.#names, 0, this.#end),
    };
    return this.#sorted ? table : sortByAddress(table);
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
