/** What the journal says when it does not write, and what to do about it. */
import { DISK_REMEDIES, HuatuoError } from '../../error.ts';

const REMEDIES: Readonly<Record<string, string>> = {
  ...DISK_REMEDIES,
  ENOSPC: 'free space there or lower the total size of the journal',
};

/** What to do about the disk when that is what has failed; undefined when it is something else. */
export function diskRemedy(thrown: unknown): string | undefined {
  const { code, cause } = (thrown ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  return REMEDIES[String(code)] ?? (thrown instanceof HuatuoError ? diskRemedy(cause) : undefined);
}

/** The error while a journal directory, or its lock, is not the one that was opened. */
export function away(directory: string): HuatuoError {
  return new HuatuoError('JOURNAL_FAILED', {
    expected: `${directory} and its lock to stay where they are`,
    found: 'that they were deleted or renamed',
    remedy: 'the journal goes on in a new directory, and counts what is gone',
  });
}

/** What kept a batch from being appended; an error of ours unchanged. */
export function refusal(directory: string, bytes: number, cause: unknown): HuatuoError {
  if (cause instanceof HuatuoError) return cause;
  const { message } = cause as NodeJS.ErrnoException;
  return new HuatuoError('JOURNAL_FAILED', {
    expected: `to append ${bytes} bytes below ${directory}`,
    found: message,
    remedy: `${diskRemedy(cause) ?? 'check the directory'}; the batch is kept and tried again`,
    cause,
  });
}
