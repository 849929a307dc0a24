/**
 * Code that a process has made itself, as its runtime tells: `/tmp/perf-<pid>.map` of Node (--perf-basic-prof), Java, .NET, LuaJIT.
 * A line is `<start> <bytes> <name>`, both numbers hexadecimal (linux/tools/perf/Documentation/jit-interface.txt). The file
 * belongs to whoever runs the process, so nothing in it is trusted: neither its size nor how many lines it has.
 */
import { type SymbolTable, SymbolTableWriter } from './symbol-table.ts';

/** Of a file; what is behind it is the newest code, so the end is read. */
export const MAX_PERF_MAP_BYTES: number = 16 << 20;
/** Of its lines, the last: a table of the symbols thread takes at most 20 MiB with them. */
export const MAX_PERF_MAP_LINES: number = 1 << 18;
/** Addresses of processes end far below; sums of such numbers are exact. */
const MAX_ADDRESS = 2 ** 52;
const MAX_CODE_BYTES = 2 ** 32;
const [NEWLINE, SPACE, ZERO, LETTER_X] = [0x0a, 0x20, 0x30, 0x78];
const NO_NAME = new Uint8Array(0);

/** @returns functions by address. Of code that was placed where other code had been, the later line stands. */
export function parsePerfMap(text: Uint8Array): SymbolTable {
  const lines = new Lines(text);
  const order = Uint32Array.from({ length: lines.count }, (_, line) => line);
  // Later lines come first among those of one address.
  order.sort((a, b) => lines.starts[a]! - lines.starts[b]! || a - b);
  const writer = new SymbolTableWriter();
  for (let at = 0; at < order.length; ) {
    const line = order[at]!;
    const start = lines.starts[line]!;
    add(writer, start, text, lines.names[line]!, lines.nameEnds[line]!);
    while (at < order.length && lines.starts[order[at]!] === start) at++;
    const end = start + lines.bytes[line]!;
    if (at === order.length || end < lines.starts[order[at]!]!) add(writer, end, NO_NAME, 0, 0);
  }
  return writer.finish();
}

/** The last lines of a text, from its end, without an object for any of them: a file has a million of the shortest. */
class Lines {
  readonly starts = new Float64Array(MAX_PERF_MAP_LINES);
  readonly bytes = new Float64Array(MAX_PERF_MAP_LINES);
  readonly names = new Uint32Array(MAX_PERF_MAP_LINES);
  readonly nameEnds = new Uint32Array(MAX_PERF_MAP_LINES);
  count = 0;
  readonly #text: Uint8Array;
  /** Where reading goes on. */
  #at = 0;

  constructor(text: Uint8Array) {
    this.#text = text;
    for (let end = text.length; end > 0 && this.count < MAX_PERF_MAP_LINES; ) {
      const before = text.lastIndexOf(NEWLINE, end - 1);
      this.#read(before + 1, end);
      end = before;
    }
  }

  /** Leaves out what is no such line. */
  #read(start: number, end: number): void {
    this.#at = start;
    const address = this.#number(end);
    const bytes = this.#number(end);
    if (!(address < MAX_ADDRESS && bytes < MAX_CODE_BYTES) || this.#at >= end) return;
    this.starts[this.count] = address;
    this.bytes[this.count] = bytes;
    this.names[this.count] = this.#at;
    this.nameEnds[this.count++] = end;
  }

  /** @returns the number before the next space, with or without 0x; NaN when there is none */
  #number(end: number): number {
    const text = this.#text;
    if (text[this.#at] === ZERO && (text[this.#at + 1]! | SPACE) === LETTER_X) this.#at += 2;
    let value = Number.NaN;
    for (; this.#at < end; this.#at++) {
      const digit = hexDigit(text[this.#at]!);
      if (digit < 0) break;
      value = (Number.isNaN(value) ? 0 : value) * 16 + digit;
    }
    return this.#at < end && text[this.#at++] === SPACE ? value : Number.NaN;
  }
}

function add(writer: SymbolTableWriter, address: number, text: Uint8Array, start: number, end: number): void {
  writer.add(Math.floor(address / 2 ** 32), address >>> 0, text, start, end);
}

/** @returns below 0 when it is none */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
