/** What `huatuo build` is told to read and to write, checked before anything is made. */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { HuatuoError } from '../error.ts';

/**
 * @param sources and `out` absolute
 * @throws HuatuoError BUILD_FAILED
 */
export function checkDirectories(sources: string, out: string): void {
  try {
    readdirSync(sources);
  } catch (cause) {
    throw new HuatuoError('BUILD_FAILED', {
      expected: 'a readable directory of collectors to build',
      found: (cause as Error).message,
      remedy: 'name the directory that has the *.bpf.c and *.ts',
      cause,
    });
  }
  const made = statSync(out, { throwIfNoEntry: false });
  if (!made) return;
  if (!made.isDirectory())
    throw new HuatuoError('BUILD_FAILED', {
      expected: 'a directory for the result, or a name that is free',
      found: `${out}, which is another kind of file`,
      remedy: 'name another with --out',
    });
  // A *.js that is a source and one that was made could not be told apart.
  if (realpathSync(sources) === realpathSync(out))
    throw new HuatuoError('BUILD_FAILED', {
      expected: 'a directory of its own for the result',
      found: `${out}, which is that of the sources`,
      remedy: 'name another with --out',
    });
}
