/**
 * Mutual exclusion of agents on one journal directory: flock(2) on `<directory>/.lock`.
 *
 * The lock belongs to the open file, so it goes with the process however that ends, and a file left behind by SIGKILL
 * means nothing. The supervisor holds it for the journal's thread and all its successors. A lock file or directory that was
 * deleted or renamed is another's to lock: which file is held is known by device and inode, not by its name.
 */
import { closeSync, constants, fchmodSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import { holdLock } from '../kernel/lock.ts';
import { notWritable, openDirectory } from '../storage/journal/directory.ts';
import { type Identity, identityAt, identityOf } from '../storage/journal/identity.ts';
import { diskRemedy } from '../storage/journal/journal-errors.ts';
import { requireOwnDirectory } from '../storage/journal/own-directory.ts';

/** A lock file that is replaced so often between its opening and its locking is not left alone. */
const ATTEMPTS = 10;

interface Held extends Disposable {
  readonly path: string;
  readonly identity: Identity;
}

/** The lock of one journal directory at a time. */
export class JournalLock implements Disposable {
  #held: Held | undefined;

  /**
   * Takes the lock of a directory, and gives back the one it has of another; does nothing when it has the file that lies there.
   * @returns the lock file
   * @throws CONFIG_INVALID, DIRECTORY_NOT_WRITABLE, or JOURNAL_FAILED when another process has it
   */
  hold(directory: string): Identity {
    const path = join(directory, '.lock');
    if (this.#held?.path === path && isAt(path, this.#held.identity)) return this.#held.identity;
    const held = lockDirectory(directory, path);
    this[Symbol.dispose]();
    this.#held = held;
    return held.identity;
  }

  /** The lock file that is held; undefined when none is. */
  get identity(): Identity | undefined {
    return this.#held?.identity;
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }
}

/** What cannot be looked at is somewhere else: to take the lock anew says why. */
function isAt(path: string, identity: Identity): boolean {
  try {
    return identityAt(path) === identity;
  } catch {
    return false;
  }
}

/** Takes the lock, without waiting; makes the directory when it is missing. */
function lockDirectory(directory: string, path: string): Held {
  requireOwnDirectory(directory);
  closeSync(openDirectory(directory));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const fd = openLock(directory, path);
    const identity = identityOf(fd);
    const lock = holdLock(fd);
    if (typeof lock === 'number') throw lockedError(path, lock);
    if (identityAt(path) === identity) {
      fchmodSync(fd, 0o600);
      writePid(fd);
      return { path, identity, [Symbol.dispose]: () => lock[Symbol.dispose]() };
    }
    // Deleted after it was opened: whoever opens the name now gets another file, and its lock.
    lock[Symbol.dispose]();
  }
  throw notWritable(directory, `${path}, which is deleted as soon as it is made`);
}

/** For whoever is refused. A full disk has no room for it, and the lock is held all the same. */
function writePid(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`, 0);
  } catch (error) {
    if (diskRemedy(error) === undefined) throw error;
  }
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
