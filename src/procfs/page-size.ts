/** Size of a page, which some files of procfs count in: /proc/self/auxv, getauxval(3). */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';

const AT_PAGESZ = 6n;
const ENTRY_BYTES = 16;
/** x86-64, and most of arm64. */
const USUAL_BYTES = 4096;

const known = new Map<string, number>();

/** @returns bytes; 4096 where procfs does not tell */
export function pageSize(procfs: string): number {
  const size = known.get(procfs) ?? readPageSize(join(procfs, 'self', 'auxv'));
  known.set(procfs, size);
  return size;
}

function readPageSize(path: string): number {
  try {
    return parsePageSize(readFileSync(path)) ?? USUAL_BYTES;
  } catch {
    return USUAL_BYTES;
  }
}

/** The vector is pairs of native 64-bit words, type and value, up to a pair of type 0. */
export function parsePageSize(auxv: Buffer): number | undefined {
  const word = (at: number): bigint =>
    endianness() === 'LE' ? auxv.readBigUInt64LE(at) : auxv.readBigUInt64BE(at);
  for (let at = 0; at + ENTRY_BYTES <= auxv.byteLength; at += ENTRY_BYTES)
    if (word(at) === AT_PAGESZ) return Number(word(at + 8));
  return undefined;
}
