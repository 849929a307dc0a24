/** Files that are there no more. */
import { HuatuoError } from '../error.ts';

/** A path that is not there, one below what is no directory any more, and cgroups and processes that end while they are read. */
const GONE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH']);

/** True when a file was removed: a container or process has ended, which is no failure of the collector. */
export function isGone(error: unknown): boolean {
  const cause = error instanceof HuatuoError ? error.cause : error;
  return GONE.has((cause as { readonly code?: unknown } | undefined)?.code);
}
