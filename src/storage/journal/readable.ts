/** The journal as someone meets it who only reads: it may be elsewhere, or another user's. */
import { readdirSync } from 'node:fs';
import { HuatuoError } from '../../error.ts';

/** What the user can do about it. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'start the agent once, or name the directory with --journal.directory',
  ENOTDIR: 'name the directory with --journal.directory',
  EACCES: 'run as the user of the agent, which is root, or name another with --journal.directory',
};

/** @throws JOURNAL_FAILED when there is no directory, or none that this process may read */
export function requireReadable(directory: string): void {
  try {
    readdirSync(directory);
  } catch (error) {
    throw unreadable(directory, error);
  }
}

/** What went wrong with a file of the journal as the user's error; anything else unchanged. */
export function unreadable(directory: string, error: unknown): unknown {
  const { code = '', syscall } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (error instanceof HuatuoError || syscall === undefined) return error;
  return new HuatuoError('JOURNAL_FAILED', {
    expected: `a readable journal directory ${directory}`,
    found: (error as Error).message,
    remedy: REMEDIES[code] ?? 'check the file system, or name another with --journal.directory',
    cause: error,
  });
}
