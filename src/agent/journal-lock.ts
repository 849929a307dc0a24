/**
 * Mutual exclusion of agents on one journal directory: flock(2) on `<directory>/.lock`.
 *
 * The lock belongs to the open file, so it goes with the process however that ends, and a file left behind by SIGKILL
 * means nothing. The supervisor holds it for the journal's thread and all its successors.
 */
import { closeSync, constants, fchmodSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import { holdLock } from '../kernel/lock.ts';
import { notWritable, openDirectory } from '../storage/journal/directory.ts';

/** The lock of one journal directory at a time. */
export class JournalLock implements Disposable {
  #directory: string | undefined;
  #held: Disposable | undefined;

  /**
   * Takes the lock of a directory, and gives back the one it has of another; does nothing when it has this one.
   * @throws DIRECTORY_NOT_WRITABLE, or JOURNAL_FAILED when another process has it
   */
  hold(directory: string): void {
    if (directory === this.#directory) return;
    const held = lockDirectory(directory);
    this[Symbol.dispose]();
    this.#held = held;
    this.#directory = directory;
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
    this.#directory = undefined;
  }
}

/**
 * Takes the lock of a journal directory, without waiting; makes the directory when it is missing.
 * @returns a handle that gives it back
 * @throws DIRECTORY_NOT_WRITABLE, or JOURNAL_FAILED naming the process that holds it
 */
function lockDirectory(directory: string): Disposable {
  closeSync(openDirectory(directory));
  const path = join(directory, '.lock');
  const fd = openLock(directory, path);
  const lock = holdLock(fd);
  if (typeof lock === 'number') throw lockedError(path, lock);
  fchmodSync(fd, 0o600);
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`, 0);
  return lock;
}

function openLock(directory: string, path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw notWritable(directory, (cause as Error).message, cause);
  }
}

function lockedError(path: string, errno: number): HuatuoError {
  if (errno !== osConstants.errno.EWOULDBLOCK)
    return new HuatuoError('JOURNAL_FAILED', {
      expected: `a file system that can lock ${path}`,
      found: `flock failed with errno ${errno}`,
      remedy: 'set the journal directory to a local file system',
    });
  // The holder writes its pid right after it got the lock; in between the file still names its predecessor, or none.
  const holder = /^\d+/.exec(readFileSync(path, 'latin1'))?.[0] ?? '(not known yet)';
  return new HuatuoError('JOURNAL_FAILED', {
    expected: `${path} to be free`,
    found: `it is held by process ${holder}`,
    remedy: 'stop that agent, or give this one another journal directory',
  });
}
