/**
 * Addresses in a process -> names of functions, by what is mapped there:
 *
 *   a file               offset in it ──► .symtab or .dynsym     the very file that is mapped; when the process has ended, one of
 *                                                                the same device and inode, of another process or by its path
 *   memory of no file    ──► /tmp/perf-<pid>.map                 as the process sees it: in its mount and pid namespace
 *   [vdso]               ──► its name
 *
 * Runs in the thread `symbols`. What it has read of files it keeps until that ends.
 */
import { type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import {
  type ExecutableMapping,
  executableMappings,
  mappedFile,
  withFile,
} from '../procfs/executable-files.ts';
import { readIfThere } from '../procfs/source.ts';
import { demangled } from './demangle.ts';
import { openElf, readFileSymbols } from './elf-symbols.ts';
import { mappingOf, moduleOf, type NamedFrame, NOWHERE, type ProcessMappings } from './frame-places.ts';
import { MAX_PERF_MAP_BYTES, parsePerfMap } from './perf-map.ts';
import { cachedBytes, type SymbolTable, symbolAt } from './symbol-table.ts';

const OFFSET = /\+0x[0-9a-f]+$/;
const MAX_TABLE_BYTES = 64 << 20;
/** A file, and what tells whether it was changed: an inode is given again, and a runtime goes on writing. */
interface ReadFile {
  readonly changed_unix_ms: number;
  readonly bytes: number;
  /** Absent when it has none that can be read. */
  readonly table?: SymbolTable;
}

/** By inode; the newest that was seen. A map of a runtime's code has its name before it, since a file may be mapped and be one. */
const files = new LRUCache<string, ReadFile>({
  maxSize: MAX_TABLE_BYTES,
  sizeCalculation: ({ table }) => cachedBytes(table, MAX_TABLE_BYTES),
});

/** @returns of those that are still there */
export function readMappings(procfs: string, processes: readonly number[]): ProcessMappings[] {
  return processes.flatMap((process) => {
    try {
      const mappings = executableMappings(procfs, process);
      return mappings.length > 0 ? [{ process, read_unix_ms: Date.now(), mappings }] : [];
    } catch {
      // It ended, or may not be looked at.
      return [];
    }
  });
}

/** @returns a frame for each address, in their order */
export function nameFrames(
  procfs: string,
  process: ProcessMappings,
  addresses: BigUint64Array,
): NamedFrame[] {
  /** By inode; of what is in no file, that is empty. */
  const tables = new Map<string, SymbolTable | undefined>();
  return Array.from(addresses, (address) => {
    const mapping = mappingOf(process.mappings, address);
    if (!mapping) return NOWHERE;
    const { inode } = mapping;
    if (inode !== '') {
      if (!tables.has(inode)) tables.set(inode, tableOf(procfs, process, mapping));
      const offset = address - mapping.start + mapping.offset;
      return named(tables.get(inode), offset, moduleOf(mapping));
    }
    if (mapping.path.startsWith('[')) return { name: '', module: moduleOf(mapping) };
    // That there is none is remembered, too.
    if (!tables.has('')) tables.set('', readPerfMap(procfs, process.process));
    return named(tables.get(''), address, moduleOf(mapping));
  });
}

function named(table: SymbolTable | undefined, place: bigint, module: string): NamedFrame {
  const symbol = table && symbolAt(table, place)?.replace(OFFSET, '');
  return { name: symbol === undefined ? '' : demangled(symbol), module };
}

/** Of the very file that is mapped; when the process has ended, of the same inode, if it has not been changed since. */
function tableOf(
  procfs: string,
  { process, read_unix_ms }: ProcessMappings,
  mapping: ExecutableMapping,
): SymbolTable | undefined {
  const { inode, path } = mapping;
  const mapped = readFile(mappedFile(procfs, process, mapping), inode);
  if (mapped) return mapped.table;
  const kept = files.get(inode) ?? readFile(path, inode, inode);
  return kept && kept.changed_unix_ms <= read_unix_ms ? kept.table : undefined;
}

/**
 * Reads a file, or takes what was read of it before.
 * @param key its inode, as the process sees it
 * @param inode that it must have; any without it
 * @returns undefined when there is no such file
 */
function readFile(path: string, key: string, inode?: string): ReadFile | undefined {
  try {
    return withFile(path, (read, stats) => {
      if (inode !== undefined && inodeText(stats.dev, stats.ino) !== inode) return undefined;
      return keep(key, stats, () => {
        const elf = openElf({ read });
        return elf && readFileSymbols(elf);
      });
    });
  } catch {
    // A file system that fails is one more reason for having no names.
    return undefined;
  }
}

/** What was read of a file, unless that was changed since; else what is read now. */
function keep(
  key: string,
  { ctimeMs: changed_unix_ms, size: bytes }: Pick<Stats, 'ctimeMs' | 'size'>,
  read: () => SymbolTable | undefined,
): ReadFile {
  const known = files.get(key);
  if (known?.changed_unix_ms === changed_unix_ms && known.bytes === bytes) return known;
  const table = read();
  const file: ReadFile = { changed_unix_ms, bytes, ...(table && { table }) };
  files.set(key, file);
  return file;
}

/** As /proc/<pid>/maps has it; `dev` as the C library encodes it. */
function inodeText(dev: number, ino: number): string {
  const device = BigInt(dev);
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  const hex = (number: bigint): string => number.toString(16).padStart(2, '0');
  return `${hex(major)}:${hex(minor)} ${ino}`;
}

/** It is the process's own word: a file of another user, or a link, is not read. */
function readPerfMap(procfs: string, process: number): SymbolTable | undefined {
  try {
    const root = join(procfs, String(process));
    const namespaced = /^NSpid:.*\t(\d+)$/m.exec(readIfThere(join(root, 'status')) ?? '')?.[1];
    const owner = statSync(root).uid;
    return withFile(
      join(root, 'root/tmp', `perf-${namespaced ?? process}.map`),
      (read, stats) => {
        if (stats.uid !== owner && stats.uid !== 0) return undefined;
        const length = Math.min(stats.size, MAX_PERF_MAP_BYTES);
        return keep(`[jit] ${inodeText(stats.dev, stats.ino)}`, stats, () => {
          const bytes = read(stats.size - length, length);
          return bytes && parsePerfMap(bytes);
        }).table;
      },
      { follow: false },
    );
  } catch {
    return undefined;
  }
}
