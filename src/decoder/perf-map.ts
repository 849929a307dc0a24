/**
 * Code that a process has made itself, as its runtime tells: `/tmp/perf-<pid>.map` of Node (--perf-basic-prof), Java, .NET, LuaJIT.
 * A line is `<start> <bytes> <name>`, both numbers hexadecimal (linux/tools/perf/Documentation/jit-interface.txt). The file
 * belongs to whoever runs the process, so nothing in it is trusted.
 */
import { MAX_NAME_BYTES, type SymbolTable, SymbolTableWriter } from './symbol-table.ts';

/** Of a file; what is behind it is the newest code, so the end is read. */
export const MAX_PERF_MAP_BYTES: number = 16 << 20;
const LINE = /^([0-9a-f]{1,16}) ([0-9a-f]{1,8}) (.+)$/;
const NO_NAME = new Uint8Array(0);

/** @returns functions by address. Of code that was placed where other code had been, the later line stands. */
export function parsePerfMap(text: string): SymbolTable {
  const functions = new Map<bigint, { readonly end: bigint; readonly name: string }>();
  for (const line of text.split('\n')) {
    const [, start, bytes, name = ''] = LINE.exec(line) ?? [];
    if (start === undefined) continue;
    const address = BigInt(`0x${start}`);
    functions.set(address, { end: address + BigInt(`0x${bytes}`), name });
  }
  const sorted = [...functions].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const writer = new SymbolTableWriter();
  for (const [index, [start, { end, name }]] of sorted.entries()) {
    const text = Buffer.from(name.slice(0, MAX_NAME_BYTES), 'latin1');
    add(writer, start, text);
    const next = sorted[index + 1]?.[0];
    if (next === undefined || end < next) add(writer, end, NO_NAME);
  }
  return writer.finish();
}

function add(writer: SymbolTableWriter, address: bigint, text: Uint8Array): void {
  writer.add(Number(address >> 32n) >>> 0, Number(address & 0xffffffffn), text, 0, text.byteLength);
}
