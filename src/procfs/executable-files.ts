/** What a process runs code from: `/proc/<pid>/maps` (Documentation/filesystems/proc.rst). */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from './source.ts';

/** A range of addresses with code. Plain data. */
export interface ExecutableMapping {
  readonly start: bigint;
  readonly end: bigint;
  /** Of `start` in the file. */
  readonly offset: bigint;
  /** `<major>:<minor> <inode>` as the kernel prints them; empty for memory of no file. */
  readonly inode: string;
  /** As the process saw it; `[vdso]` and the like for what the kernel has put there, empty for memory without a name. */
  readonly path: string;
}

export interface ExecutableFile {
  /** Last part of its path, as the process saw it. */
  readonly name: string;
  /** Opens the very file that is mapped, in whatever mount namespace and even when it was removed. */
  readonly path: string;
}

const MAX_FILES = 1024;
const MAX_MAPPINGS = 4096;
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/;

/** @returns in the order of their addresses, at most 4,096; empty when the process is gone */
export function executableMappings(procfs: string, pid: number | 'self'): readonly ExecutableMapping[] {
  const mappings: ExecutableMapping[] = [];
  for (const line of (readIfThere(join(procfs, String(pid), 'maps')) ?? '').split('\n')) {
    const [, start, end, offset, device, inode, path = ''] = MAPPING.exec(line) ?? [];
    if (start === undefined) continue;
    mappings.push({
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      offset: BigInt(`0x${offset}`),
      inode: inode === '0' ? '' : `${device} ${inode}`,
      path,
    });
    if (mappings.length === MAX_MAPPINGS) break;
  }
  return mappings;
}

/** @returns each file once, in the order of their addresses; empty when the process is gone */
export function executableFiles(procfs: string, pid: number): readonly ExecutableFile[] {
  const files = new Map<string, ExecutableFile>();
  for (const mapping of executableMappings(procfs, pid)) {
    const { inode, path } = mapping;
    if (inode === '' || files.has(inode)) continue;
    files.set(inode, { name: fileName(path), path: mappedFile(procfs, pid, mapping) });
    if (files.size === MAX_FILES) break;
  }
  return [...files.values()];
}

/** @returns a path that opens the file which is mapped there, while the process runs */
export function mappedFile(
  procfs: string,
  pid: number | 'self',
  { start, end }: Pick<ExecutableMapping, 'start' | 'end'>,
): string {
  return join(procfs, String(pid), 'map_files', `${start.toString(16)}-${end.toString(16)}`);
}

/** Last part of a mapping's path. */
export function fileName(path: string): string {
  return path.replace(/ \(deleted\)$/, '').replace(/^.*\//, '');
}

/**
 * Opens a regular file for reading at places; waits for no one.
 * @param use gets a reader that answers undefined for a range which the file does not have
 * @param follow false: a symbolic link is no file
 * @returns what `use` returned, or undefined when there is no such file
 */
export function withFile<T>(
  path: string,
  use: (read: (offset: number, length: number) => Uint8Array | undefined, stat: Stats) => T,
  { follow = true }: { readonly follow?: boolean } = {},
): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW));
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    return use((offset, length) => {
      if (!(offset >= 0 && offset + length <= stat.size)) return undefined;
      const bytes = new Uint8Array(length);
      return readSync(fd, bytes, 0, length, offset) === length ? bytes : undefined;
    }, stat);
  } finally {
    closeSync(fd);
  }
}
