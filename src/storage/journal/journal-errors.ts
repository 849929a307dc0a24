/** What the journal says when it does not write, and what to do about it. */
import { HuatuoError } from '../../error.ts';

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'free space there or lower the total size of the journal; the batch is kept and tried again',
  EDQUOT: 'raise the disk quota of the agent; the batch is kept and tried again',
  EIO: 'check the disk (dmesg); the batch is kept and tried again',
  EROFS: 'mount the file system read-write; the batch is kept and tried again',
};

/** The error while a journal directory, or its lock, is not the one that was opened. */
export function away(directory: string): HuatuoError {
  return new HuatuoError('JOURNAL_FAILED', {
    expected: `${directory} and its lock to stay where they are`,
    found: 'that they were deleted or renamed',
    remedy: 'nothing: the journal goes on in a new directory, and counts what is gone',
  });
}

/** What kept a batch from being appended; an error of ours unchanged. */
export function refusal(directory: string, bytes: number, cause: unknown): HuatuoError {
  if (cause instanceof HuatuoError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  return new HuatuoError('JOURNAL_FAILED', {
    expected: `to append ${bytes} bytes below ${directory}`,
    found: message,
    remedy: REMEDIES[code ?? ''] ?? 'check the directory; the batch is kept and tried again',
    cause,
  });
}
