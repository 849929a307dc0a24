/** Files that a process runs code from: `/proc/<pid>/maps` (Documentation/filesystems/proc.rst). */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from './source.ts';

export interface ExecutableFile {
  /** Last part of its path, as the process saw it. */
  readonly name: string;
  /** Opens the very file that is mapped, in whatever mount namespace and even when it was removed. */
  readonly path: string;
}

const MAX_FILES = 1024;
const MAPPING = /^([0-9a-f]+-[0-9a-f]+) ..x. [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+ [1-9]\d*) +(\S.*)$/;

/** @returns each file once, in the order of their addresses; empty when the process is gone */
export function executableFiles(procfs: string, pid: number): readonly ExecutableFile[] {
  const files = new Map<string, ExecutableFile>();
  for (const line of (readIfThere(join(procfs, String(pid), 'maps')) ?? '').split('\n')) {
    const [, range, inode, path] = MAPPING.exec(line) ?? [];
    if (!range || !inode || !path || files.has(inode)) continue;
    files.set(inode, {
      name: path.replace(/ \(deleted\)$/, '').replace(/^.*\//, ''),
      // Here addresses have no leading zeros.
      path: join(procfs, String(pid), 'map_files', range.replace(/\b0+\B/g, '')),
    });
    if (files.size === MAX_FILES) break;
  }
  return [...files.values()];
}

/**
 * Opens a regular file for reading at places.
 * @param use gets a reader that answers undefined for a range which the file does not have
 * @returns what `use` returned, or undefined when there is no such file
 */
export function withFile<T>(
  path: string,
  use: (read: (offset: number, length: number) => Uint8Array | undefined) => T,
): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
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
    });
  } finally {
    closeSync(fd);
  }
}
