/** A file that a command writes at its end, in a directory that others may write to as well. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  lstatSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HuatuoError } from '../error.ts';
import { printable } from '../text.ts';

/** As many as the kernel follows. */
const MAX_LINKS = 40;

/**
 * To be called before the time is spent; nothing is made or changed.
 * @throws HuatuoError DIRECTORY_NOT_WRITABLE
 */
export function requireWritable(file: string): void {
  orExplain(file, () => {
    accessSync(dirname(followed(file)), constants.W_OK | constants.X_OK);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw isDirectory();
  });
}

/**
 * Writes it beside and renames: what is there stays until the new one is whole. A link that this user has made is followed; one of
 * another is replaced, since where root works it may have been put there to have something overwritten.
 * @throws HuatuoError DIRECTORY_NOT_WRITABLE
 */
export function writeOutput(file: string, content: string | Uint8Array): void {
  orExplain(file, () => {
    const target = followed(file);
    const unfinished = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      writeFileSync(unfinished, content, { flag: 'wx' });
      renameSync(unfinished, target);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
  });
}

/** The file that own links lead to, or the first link of another. @throws ELOOP */
function followed(file: string): string {
  let target = file;
  for (let links = 0; links < MAX_LINKS; links++) {
    const found = lstatSync(target, { throwIfNoEntry: false });
    if (!found?.isSymbolicLink() || found.uid !== process.geteuid?.()) return target;
    target = resolve(realpathSync(dirname(target)), readlinkSync(target));
  }
  throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
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
