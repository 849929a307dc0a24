/** Directories of the journal: made with mode 0700, and used only when no other user can plant a file in them. */
import { closeSync, constants, fchmodSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { HuatuoError } from '../../error.ts';
import { diskRemedy } from './journal-errors.ts';

/**
 * Opens a directory, after making it and its parents when it is missing.
 * @returns a file descriptor that the caller closes; good for fsync
 * @throws DIRECTORY_NOT_WRITABLE when it cannot be made, is a symbolic link, belongs to another user, or can be
 * written by group or others: whoever can write there can put a link where a segment is expected
 */
export function openDirectory(path: string): number {
  const uid = process.geteuid?.() ?? 0;
  let made: boolean;
  let fd: number;
  try {
    made = makeDirectory(path);
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw notWritable(path, (cause as Error).message, cause);
  }
  if (made) fchmodSync(fd, 0o700);
  const { uid: owner, mode } = fstatSync(fd);
  if (owner === uid && (mode & 0o322) === 0o300) return fd;
  closeSync(fd);
  throw notWritable(path, `${path} is owned by uid ${owner}, mode 0${(mode & 0o7777).toString(8)}`);
}

/**
 * As `mkdir -p`, with the error of the directory that cannot be made: Node's own says ENOENT on a read-only file system.
 * @returns whether the last one was made
 */
function makeDirectory(path: string): boolean {
  const make = (): boolean => {
    try {
      mkdirSync(path, { mode: 0o700 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  };
  try {
    return make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    makeDirectory(dirname(path));
    return make();
  }
}

/** The error for a journal directory that cannot be used. */
export function notWritable(path: string, found: string, cause?: unknown): HuatuoError {
  const uid = process.geteuid?.() ?? 0;
  return new HuatuoError('DIRECTORY_NOT_WRITABLE', {
    expected: `a directory ${path} that uid ${uid} owns and only it can write`,
    found,
    remedy: `${diskRemedy(cause) ?? `chown it to uid ${uid} and chmod it to 0700`}, or set another journal directory`,
    cause,
  });
}
