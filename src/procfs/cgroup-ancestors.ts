/** A limit of a cgroup holds for all below it, so what a cgroup may use is the least of its own and of those above it. */
import { dirname, join } from 'node:path';
import { decimal, readIfThere } from './source.ts';

/**
 * A control file of a cgroup and of those above it, from the inside out. Those without it are passed over: v2 has it where
 * the controller was delegated, and the root has no limits.
 * @throws SOURCE_UNREADABLE
 */
export function* atAndAbove(directory: string, file: string): Generator<{ path: string; text: string }> {
  for (let at = directory; at !== dirname(at); at = dirname(at)) {
    const path = join(at, file);
    const text = readIfThere(path);
    if (text !== undefined) yield { path, text };
  }
}

/**
 * The least value of such a file that is a number.
 * @returns undefined when none is: no limit is set
 * @throws SOURCE_UNREADABLE
 */
export function leastOf(directory: string, file: string): number | undefined {
  let least: number | undefined;
  for (const { text } of atAndAbove(directory, file)) {
    const limit = decimal(text.trimEnd());
    if (limit !== undefined) least = Math.min(limit, least ?? limit);
  }
  return least;
}
