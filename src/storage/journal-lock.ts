/**
 * Mutual exclusion of agents on one journal directory: flock(2) on `<directory>/.lock`.
 *
 * The lock belongs to the open file, so it goes with the process however that ends, and a file left behind by SIGKILL
 * means nothing. Node has no flock(2); the operations' values are Linux's (asm-generic/fcntl.h).
 */
import { closeSync, constants, fchmodSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { HuatuoError } from '../error.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

const flock = koffi.load('libc.so.6').func('int flock(int fd, int operation)') as (
  fd: number,
  operation: number,
) => number;

/**
 * Takes the lock of a journal directory, without waiting.
 * @returns a handle that gives it back
 * @throws JOURNAL_FAILED naming the process that holds it; the errno's own error when the file cannot be made
 */
export function lockDirectory(directory: string): Disposable {
  const path = join(directory, '.lock');
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    const errno = koffi.errno();
    closeSync(fd);
    throw lockedError(path, errno);
  }
  fchmodSync(fd, 0o600);
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`, 0);
  return { [Symbol.dispose]: () => closeSync(fd) };
}

function lockedError(path: string, errno: number): HuatuoError {
  if (errno !== koffi.os.errno.EWOULDBLOCK)
    return new HuatuoError('JOURNAL_FAILED', {
      expected: `a file system that can lock ${path}`,
      found: `flock failed with errno ${errno}`,
      remedy: 'set the journal directory to a local file system',
    });
  // The holder writes its pid right after it got the lock; in between the file still names its predecessor or nobody.
  const holder = /^\d+/.exec(readFileSync(path, 'latin1'))?.[0] ?? '(not known yet)';
  return new HuatuoError('JOURNAL_FAILED', {
    expected: `${path} to be free`,
    found: `it is held by process ${holder}`,
    remedy: 'stop that agent, or give this one another journal directory',
  });
}
