/**
 * Kernel symbols for stacks: parsed once for the agent (src/kernel/symbols.ts), searched by every collector's thread when
 * its decoder meets a new address.
 *
 * `/proc/kallsyms` has some 200,000 lines. It is read in chunks and parsed as bytes into growing shared arrays:
 * strings and objects for each line would cost the agent several times as much, which it never gets back.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type SymbolTable, SymbolTableWriter } from './symbol-table.ts';

/** The symbols of one moment. */
export interface KernelSymbols {
  readonly table: SymbolTable;
  /** Start and end of what is loaded at boot: what lies outside is a module's or a BPF program's, and comes and goes. */
  readonly core: { readonly start: bigint; readonly end: bigint };
  /** `modulesOf` at that moment. */
  readonly modules: string;
  /** Later ones have a higher version. */
  readonly version: number;
}

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
/** Text symbols only: t and T (local, global), w and W (weak). */
const TEXT_TYPES: ReadonlySet<number> = new Set([...'tTwW'].map((letter) => letter.charCodeAt(0)));
const CORE_START = Buffer.from('_text');
const CORE_END = Buffer.from('_etext');

/**
 * Reads `/proc/kallsyms`.
 * @returns an empty table when addresses are hidden (kernel.kptr_restrict) or the file is missing: stacks then show addresses
 */
export function readSymbols(procfs: string, version = 0): KernelSymbols {
  // Before the symbols: a module that comes in between is asked for again.
  const modules = modulesOf(procfs);
  const parser = new KallsymsParser();
  try {
    readChunks(join(procfs, 'kallsyms'), (chunk) => parser.push(chunk));
  } catch {
    return { ...new KallsymsParser().finish(), modules, version };
  }
  return { ...parser.finish(), modules, version };
}

/** Which modules are loaded and where, without what changes while they are: `name size address` on each line. */
export function modulesOf(procfs: string): string {
  try {
    const lines = readFileSync(join(procfs, 'modules'), 'latin1').split('\n');
    return lines
      .map((line) => line.split(' '))
      .map(([name, size, , , , address]) => `${name} ${size} ${address}`)
      .join('\n');
  } catch {
    return '';
  }
}

/** Parses lines of `address type name [\t[module]]`; lines of another shape and zero addresses are skipped. */
export function parseSymbols(text: Uint8Array): SymbolTable {
  const parser = new KallsymsParser();
  parser.push(text);
  return parser.finish().table;
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

class KallsymsParser {
  readonly #writer = new SymbolTableWriter();
  #rest = new Uint8Array(0);
  #start = 0n;
  #end = 0n;

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

  finish(): Pick<KernelSymbols, 'table' | 'core'> {
    if (this.#rest.byteLength > 0) this.#line(this.#rest, 0, this.#rest.byteLength);
    return { table: this.#writer.finish(), core: { start: this.#start, end: this.#end } };
  }

  #line(text: Uint8Array, start: number, end: number): void {
    const space = text.indexOf(SPACE, start);
    if (space <= start || space > start + 16 || space + 3 >= end) return;
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
    const name = space + 3;
    let nameEnd = name;
    while (nameEnd < end && text[nameEnd] !== TAB) nameEnd++;
    if (is(CORE_START, text, name, nameEnd)) this.#start = join64(high, low);
    // The end of the kernel's code is no function: what is behind it has no name, or a module's.
    const ends = is(CORE_END, text, name, nameEnd);
    if (ends) this.#end = join64(high, low);
    this.#writer.add(high, low, text, name, ends ? name : nameEnd);
  }
}

function is(wanted: Uint8Array, text: Uint8Array, start: number, end: number): boolean {
  if (end - start !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (text[start + i] !== wanted[i]) return false;
  return true;
}

function join64(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
}
