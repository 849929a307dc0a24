/** Reads small text files of procfs, sysfs and cgroupfs. */
import { readdirSync, readFileSync } from 'node:fs';
import { HuatuoError } from '../error.ts';
import { isGone } from '../sdk/gone.ts';
import { OpenFiles } from './open-files.ts';

let openFiles: OpenFiles | undefined;

/** Has this thread, which reads the same files again and again, keep them open. @param max most files */
export function keepFilesOpen(max: number): void {
  openFiles?.[Symbol.dispose]();
  openFiles = new OpenFiles(max);
}

function textOf(path: string): string {
  return openFiles?.read(path) ?? readFileSync(path, 'utf8');
}

/**
 * @returns the file as text; bytes that are not UTF-8 become U+FFFD
 * @throws SOURCE_UNREADABLE naming the path
 */
export function readSource(path: string): string {
  try {
    return textOf(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The same, but undefined when the file is not there, or went away with its process or cgroup. */
export function readIfThere(path: string): string | undefined {
  try {
    return textOf(path);
  } catch (cause) {
    if (isGone(cause)) return undefined;
    throw unreadable(path, cause);
  }
}

/**
 * @returns names in a directory, sorted; none when it is not there
 * @throws SOURCE_UNREADABLE when it is there and cannot be listed
 */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (cause) {
    if (isGone(cause)) return [];
    throw unreadable(directory, cause);
  }
}

function unreadable(path: string, cause: unknown): HuatuoError {
  return new HuatuoError('SOURCE_UNREADABLE', {
    expected: `to read ${path}`,
    found: (cause as NodeJS.ErrnoException).code ?? String(cause),
    remedy: 'check path.procfs and path.sysfs, and that the agent runs as root',
    cause,
  });
}

export { isGone };

/** The error for text that is not what the kernel documents. */
export function malformed(path: string, line: number, expected: string, found: string): HuatuoError {
  return new HuatuoError('SOURCE_UNREADABLE', {
    expected: `${expected} at ${path}:${line}`,
    found: JSON.stringify(found.slice(0, 80)),
    remedy: 'report it with the kernel version if this is the kernel’s own file',
  });
}

/** @returns a non-negative decimal number, or undefined for any other text */
export function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : undefined;
}
