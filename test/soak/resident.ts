/** The resident memory of a process, by what its mappings are for (/proc/PID/smaps). */
import { readFileSync } from 'node:fs';

/** Bytes. Together they are the RSS. */
interface ResidentParts {
  /** Programs, libraries and data that are mapped from files. */
  readonly files_bytes: number;
  /** Of malloc: the break, and arenas of threads. */
  readonly malloc_bytes: number;
  readonly arenas_bytes: number;
  /** Rings and maps of BPF objects. */
  readonly bpf_maps_bytes: number;
  /** Heaps of V8, buffers, WebAssembly memories, stacks of threads, and what malloc maps by itself. */
  readonly anonymous_bytes: number;
}

/** glibc begins each arena but the first one at a multiple of this (HEAP_MAX_SIZE in malloc/arena.c). */
const ARENA_BYTES = 64n << 20n;
const MAPPING = /^([0-9a-f]+)-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/;
const RESIDENT = /^Rss: +(\d+) kB$/;

/** @param text of smaps */
export function residentParts(text: string): ResidentParts {
  const parts = { files_bytes: 0, malloc_bytes: 0, arenas_bytes: 0, bpf_maps_bytes: 0, anonymous_bytes: 0 };
  let part: keyof ResidentParts = 'anonymous_bytes';
  for (const line of text.split('\n')) {
    const [, start, name = ''] = MAPPING.exec(line) ?? [];
    if (start !== undefined) part = partOf(BigInt(`0x${start}`), name);
    const [, kilobytes] = RESIDENT.exec(line) ?? [];
    if (kilobytes !== undefined) parts[part] += 1024 * Number(kilobytes);
  }
  return parts;
}

export function residentPartsOf(pid: number): ResidentParts {
  return residentParts(readFileSync(`/proc/${pid}/smaps`, 'utf8'));
}

function partOf(start: bigint, name: string): keyof ResidentParts {
  if (name === '[heap]') return 'malloc_bytes';
  if (name.startsWith('anon_inode:bpf')) return 'bpf_maps_bytes';
  // A shared anonymous mapping has the name of a file that was never there.
  if (name.startsWith('/') && !name.startsWith('/dev/zero')) return 'files_bytes';
  return name === '' && start % ARENA_BYTES === 0n ? 'arenas_bytes' : 'anonymous_bytes';
}
