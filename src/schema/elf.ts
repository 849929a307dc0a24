/**
 * The part of ELF64 that a BPF object needs: sections by name and the symbols that location variables in them.
 * Pure: bytes in, views of the same bytes out. Format: the System V ABI's "Object Files" chapter; machine 247.
 */
import { HuatuoError } from '../error.ts';

interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** SHF_EXECINSTR: the section holds programs. */
  readonly executable: boolean;
  /** View of the object's bytes; empty for sections without contents (.bss). */
  readonly data: Uint8Array;
  /** What it takes in memory. */
  readonly bytes: number;
}

interface ElfSymbol {
  readonly name: string;
  readonly section: number;
  /** Offset in its section: the object is not linked, so this is the location of the variable. */
  readonly value: number;
  readonly bytes: number;
}

export interface Elf {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
}

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const MACHINE_BPF = 247;
const SECTION_SYMBOLS = 2;
const SECTION_WITHOUT_CONTENTS = 8;
const FLAG_EXECUTABLE = 4n;
const UTF8 = new TextDecoder();

interface SectionHeader {
  readonly nameOffset: number;
  readonly type: number;
  readonly executable: boolean;
  readonly link: number;
  readonly data: Uint8Array;
  readonly bytes: number;
}

/** @throws HuatuoError OBJECT_UNREADABLE, also for an object that was cut short. */
export function readElf(bytes: Uint8Array): Elf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkIdentity(bytes, view);
  const headers = readSectionHeaders(bytes, view);
  const names = headers[view.getUint16(62, true)]?.data ?? new Uint8Array();
  const sections = headers.map(
    (header, index): ElfSection => ({
      index,
      name: textAt(names, header.nameOffset),
      executable: header.executable,
      data: header.data,
      bytes: header.bytes,
    }),
  );
  const table = headers.find((header) => header.type === SECTION_SYMBOLS);
  const symbols = table ? readSymbols(table.data, headers[table.link]?.data ?? new Uint8Array()) : [];
  return { sections, symbols };
}

/** NUL-terminated text of a string table; out of range gives the empty string, as for unnamed entries. */
export function textAt(table: Uint8Array, offset: number): string {
  const end = table.indexOf(0, offset);
  return UTF8.decode(table.subarray(offset, end < 0 ? table.length : end));
}

function checkIdentity(bytes: Uint8Array, view: DataView): void {
  if (bytes.length < HEADER_BYTES || view.getUint32(0, false) !== 0x7f454c46) {
    throw unreadable(`${bytes.length} bytes without an ELF header`);
  }
  const [, , , , wordClass, byteOrder] = bytes;
  const machine = view.getUint16(18, true);
  if (wordClass !== 2 || byteOrder !== 1 || machine !== MACHINE_BPF) {
    throw unreadable(`class ${wordClass}, byte order ${byteOrder}, machine ${machine}`);
  }
}

function readSectionHeaders(bytes: Uint8Array, view: DataView): SectionHeader[] {
  const start = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  if (start + count * SECTION_HEADER_BYTES > bytes.length) {
    throw unreadable(`section headers at ${start} beyond the end at ${bytes.length}`);
  }
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * SECTION_HEADER_BYTES;
    const type = view.getUint32(at + 4, true);
    const offset = Number(view.getBigUint64(at + 24, true));
    const bytesInMemory = Number(view.getBigUint64(at + 32, true));
    const size = type === SECTION_WITHOUT_CONTENTS ? 0 : bytesInMemory;
    if (offset + size > bytes.length) {
      throw unreadable(`section ${index} ends at ${offset + size}, the file at ${bytes.length}`);
    }
    return {
      nameOffset: view.getUint32(at, true),
      type,
      executable: (view.getBigUint64(at + 8, true) & FLAG_EXECUTABLE) !== 0n,
      link: view.getUint32(at + 40, true),
      data: bytes.subarray(offset, offset + size),
      bytes: bytesInMemory,
    };
  });
}

function readSymbols(table: Uint8Array, names: Uint8Array): ElfSymbol[] {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  return Array.from({ length: Math.floor(table.length / SYMBOL_BYTES) }, (_, index) => {
    const at = index * SYMBOL_BYTES;
    return {
      name: textAt(names, view.getUint32(at, true)),
      section: view.getUint16(at + 6, true),
      value: Number(view.getBigUint64(at + 8, true)),
      bytes: Number(view.getBigUint64(at + 16, true)),
    };
  });
}

function unreadable(found: string): HuatuoError {
  return new HuatuoError('OBJECT_UNREADABLE', {
    expected: 'a little-endian 64-bit ELF object for BPF',
    found,
    remedy: 'build it again with `npm run build`',
  });
}
