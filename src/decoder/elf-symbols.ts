/**
 * Functions of an executable or library of someone else's, for the frames of user stacks. The file belongs to whoever runs it,
 * so every offset in it is checked, every size is bounded, and nothing is trusted to be sorted or printable.
 *
 *   program headers ──► notes: build id          which file it is
 *                  └──► loadable segments         address in memory → offset in the file
 *   section headers ──► .symtab, else .dynsym ──► functions by their offset in the file
 *
 * Format: the System V ABI's "Object Files" chapter, ELF64 little-endian.
 */
import { viewOf } from '../bytes.ts';
import { MAX_NAME_BYTES, type SymbolTable, SymbolTableWriter } from './symbol-table.ts';

/** A file that is read where it is needed. */
export interface ByteSource {
  /** @returns exactly `length` bytes from `offset`, or undefined when the file has them not */
  read(offset: number, length: number): Uint8Array | undefined;
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const MAX_PROGRAM_HEADERS = 256;
const MAX_NOTE_BYTES = 64 * 1024;
const MAX_SYMBOLS = 1 << 20;
const MAX_STRING_BYTES = 64 * 1024 * 1024;
const LOADABLE = 1;
const NOTES = 4;
const SYMTAB = 2;
const DYNSYM = 11;
const BUILD_ID_NOTE = 3;
const GNU = 0x00554e47;
/** What the kernel keeps of one. */
const BUILD_ID_BYTES = 20;
/** FUNC and GNU_IFUNC. */
const FUNCTION_TYPES: ReadonlySet<number> = new Set([2, 10]);
const NO_NAME = new Uint8Array(0);

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

/** What is read of a file before it is known whether it is the one that is wanted. */
interface ElfFile {
  /** 40 hexadecimal digits: as the kernel reports it, filled up with zeros. Not every file has one. */
  readonly buildId: string | undefined;
  readonly source: ByteSource;
  readonly segments: readonly Segment[];
}

/** @returns undefined for what is no ELF64 file */
export function openElf(source: ByteSource): ElfFile | undefined {
  const header = source.read(0, HEADER_BYTES);
  if (!header) return undefined;
  const view = viewOf(header);
  if (view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201) return undefined;
  const count = view.getUint16(56, true);
  if (count > MAX_PROGRAM_HEADERS || view.getUint16(54, true) !== PROGRAM_HEADER_BYTES) return undefined;
  const table = source.read(number64(view, 32), count * PROGRAM_HEADER_BYTES);
  if (!table) return undefined;
  const headers = viewOf(table);
  const segments = Array.from({ length: count }, (_, index): Segment => {
    const at = index * PROGRAM_HEADER_BYTES;
    return {
      type: headers.getUint32(at, true),
      offset: number64(headers, at + 8),
      address: number64(headers, at + 16),
      bytes: number64(headers, at + 32),
    };
  });
  return { buildId: readBuildId(source, segments), source, segments };
}

function readBuildId(source: ByteSource, segments: readonly Segment[]): string | undefined {
  for (const { type, offset, bytes } of segments) {
    if (type !== NOTES) continue;
    const notes = source.read(offset, Math.min(bytes, MAX_NOTE_BYTES));
    const buildId = notes && buildIdOf(notes);
    if (buildId) return buildId;
  }
  return undefined;
}

/** {u32 name bytes, u32 value bytes, u32 type}, name, value; each rounded up to four bytes. */
function buildIdOf(notes: Uint8Array): string | undefined {
  const view = viewOf(notes);
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameBytes = view.getUint32(at, true);
    const valueBytes = view.getUint32(at + 4, true);
    const value = at + 12 + roundUp4(nameBytes);
    const isGnu = nameBytes === 4 && value <= notes.length && view.getUint32(at + 12, true) === GNU;
    if (view.getUint32(at + 8, true) === BUILD_ID_NOTE && isGnu) {
      if (valueBytes === 0 || valueBytes > BUILD_ID_BYTES || value + valueBytes > notes.length)
        return undefined;
      return Buffer.from(notes.subarray(value, value + valueBytes))
        .toString('hex')
        .padEnd(BUILD_ID_BYTES * 2, '0');
    }
    at = value + roundUp4(valueBytes);
  }
  return undefined;
}

/**
 * Functions by their offset in the file.
 * @returns undefined when the file has no symbol table that can be read
 */
export function readFileSymbols({ source, segments }: ElfFile): SymbolTable | undefined {
  const sections = readSections(source);
  const symbols =
    sections.find(({ type }) => type === SYMTAB) ?? sections.find(({ type }) => type === DYNSYM);
  const strings = symbols && sections[symbols.link];
  if (!strings || symbols.bytes > MAX_SYMBOLS * SYMBOL_BYTES || strings.bytes > MAX_STRING_BYTES)
    return undefined;
  const table = source.read(symbols.offset, symbols.bytes);
  const names = source.read(strings.offset, strings.bytes);
  if (!table || !names) return undefined;
  return writeFunctions(functionsOf(table, segments), names);
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly bytes: number;
  readonly link: number;
}

function readSections(source: ByteSource): readonly Section[] {
  const header = source.read(0, HEADER_BYTES);
  const view = header && viewOf(header);
  if (!view || view.getUint16(58, true) !== SECTION_HEADER_BYTES) return [];
  const count = view.getUint16(60, true);
  const table = source.read(number64(view, 40), count * SECTION_HEADER_BYTES);
  if (!table) return [];
  const headers = viewOf(table);
  return Array.from({ length: count }, (_, index) => {
    const at = index * SECTION_HEADER_BYTES;
    return {
      type: headers.getUint32(at + 4, true),
      offset: number64(headers, at + 24),
      bytes: number64(headers, at + 32),
      link: headers.getUint32(at + 40, true),
    };
  });
}

/** Three parallel arrays: there may be a million. */
interface Functions {
  readonly count: number;
  readonly offsets: Float64Array;
  readonly sizes: Float64Array;
  readonly names: Uint32Array;
}

function functionsOf(table: Uint8Array, segments: readonly Segment[]): Functions {
  const view = viewOf(table);
  const most = Math.floor(table.length / SYMBOL_BYTES);
  const offsets = new Float64Array(most);
  const sizes = new Float64Array(most);
  const names = new Uint32Array(most);
  let count = 0;
  for (let at = 0; at + SYMBOL_BYTES <= table.length; at += SYMBOL_BYTES) {
    const isDefined = view.getUint16(at + 6, true) !== 0;
    if (!isDefined || !FUNCTION_TYPES.has(view.getUint8(at + 4) & 15)) continue;
    const offset = fileOffset(number64(view, at + 8), segments);
    if (offset === undefined) continue;
    offsets[count] = offset;
    sizes[count] = number64(view, at + 16);
    names[count] = view.getUint32(at, true);
    count++;
  }
  return { count, offsets, sizes, names };
}

function fileOffset(address: number, segments: readonly Segment[]): number | undefined {
  for (const segment of segments) {
    const distance = address - segment.address;
    if (segment.type === LOADABLE && distance >= 0 && distance < segment.bytes)
      return segment.offset + distance;
  }
  return undefined;
}

/** Of several names for one offset the first is kept; a function that ends before the next begins is ended. */
function writeFunctions({ count, offsets, sizes, names }: Functions, strings: Uint8Array): SymbolTable {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  order.sort((a, b) => offsets[a]! - offsets[b]! || a - b);
  const writer = new SymbolTableWriter();
  let end = Number.POSITIVE_INFINITY;
  let last = -1;
  for (const index of order) {
    const offset = offsets[index]!;
    if (offset === last) continue;
    if (end < offset) add(writer, end, NO_NAME, 0, 0);
    const name = names[index]!;
    const text = strings.subarray(name, name + MAX_NAME_BYTES);
    const nul = text.indexOf(0);
    add(writer, offset, strings, name, name + (nul < 0 ? text.length : nul));
    end = sizes[index]! > 0 ? offset + sizes[index]! : Number.POSITIVE_INFINITY;
    last = offset;
  }
  if (Number.isSafeInteger(end)) add(writer, end, NO_NAME, 0, 0);
  return writer.finish();
}

function add(writer: SymbolTableWriter, address: number, text: Uint8Array, start: number, end: number): void {
  writer.add(Math.floor(address / 2 ** 32) >>> 0, address >>> 0, text, start, end);
}

/** Beyond 2^53 it is not exact; no file is that long, so reading there fails. */
function number64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

function roundUp4(n: number): number {
  return Math.ceil(n / 4) * 4;
}
