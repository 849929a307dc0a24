/** A file that a command writes at its end, in a directory that others may write to as well. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HuatuoError } from '../error.ts';
import { printable } from '../text.ts';

/**
 * To be called before the time is spent; nothing is made or changed.
 * @throws HuatuoError DIRECTORY_NOT_WRITABLE
 */
export function requireWritable(file: string): void {
  orExplain(file, () => {
    accessSync(dirname(file), constants.W_OK | constants.X_OK);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw isDirectory();
  });
}

/**
 * Writes it beside and renames: what is there stays until the new one is whole, and a link in its place is replaced and not followed,
 * since where root works another user may have put it.
 * @throws HuatuoError DIRECTORY_NOT_WRITABLE
 */
export function writeOutput(file: string, content: string | Uint8Array): void {
  const unfinished = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  orExplain(file, () => {
    try {
      writeFileSync(unfinished, content, { flag: 'wx' });
      renameSync(unfinished, file);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
  });
}

function isDirectory(): NodeJS.ErrnoException {
  return Object.assign(new Error('it is a directory'), { code: 'EISDIR' });
}

function orExplain(file: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new HuatuoError('DIRECTORY_NOT_WRITABLE', {
      expected: `to write ${printable(file)}`,
      found: (cause as NodeJS.ErrnoException).code ?? String(cause),
      remedy: 'name another file with --output',
      cause,
    });
  }
}
