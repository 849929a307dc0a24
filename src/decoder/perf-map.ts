/**
 * Code that a process has made itself, as its runtime tells: `/tmp/perf-<pid>.map` of Node (--perf-basic-prof), Java, .NET, LuaJIT.
 * A line is `<start> <bytes> <name>`, both numbers hexadecimal (linux/tools/perf/Documentation/jit-interface.txt). The file
 * belongs to whoever runs the process, so nothing in it is trusted.
 */
import { MAX_NAME_BYTES, type SymbolTable, SymbolTableWriter } from './symbol-table.ts';

/** Of a file; what is behind it is the newest code, so the end is read. */
export const MAX_PERF_MAP_BYTES: number = 16 << 20;
/** Addresses of processes end far below 2^52. Runtimes differ in how they print them. */
const LINE = /^(?:0x)?0*([0-9a-f]{1,13}) (?:0x)?0*([0-9a-f]{1,8}) (.+)$/i;
const NO_NAME = new Uint8Array(0);

/** @returns functions by address. Of code that was placed where other code had been, the later line stands. */
export function parsePerfMap(text: string): SymbolTable {
  const functions = new Map<number, { readonly end: number; readonly name: string }>();
  for (const line of text.split('\n')) {
    const [, start, bytes, name = ''] = LINE.exec(line) ?? [];
    if (start === undefined) continue;
    const address = Number.parseInt(start, 16);
    functions.set(address, { end: address + Number.parseInt(bytes!, 16), name });
  }
  const sorted = [...functions].toSorted(([a], [b]) => a - b);
  const writer = new SymbolTableWriter();
  for (const [index, [start, { end, name }]] of sorted.entries()) {
    const text = Buffer.from(name.slice(0, MAX_NAME_BYTES), 'latin1');
    add(writer, start, text);
    const next = sorted[index + 1]?.[0];
    if (next === undefined || end < next) add(writer, end, NO_NAME);
  }
  return writer.finish();
}

function add(writer: SymbolTableWriter, address: number, text: Uint8Array): void {
  writer.add(Math.floor(address / 2 ** 32), address >>> 0, text, 0, text.byteLength);
}
