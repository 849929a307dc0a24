/** `huatuo build`: the build of this checkout, run for a directory of the user's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { HuatuoError } from '../error.ts';
import { at } from '../paths.ts';
import { isSystemDirectory } from '../storage/journal/own-directory.ts';
import { printable } from '../text.ts';

/**
 * @returns the exit code of the build: 0 all was built, 1 something was refused
 * @throws HuatuoError USAGE for a directory of the system: what is built would be mixed with its files
 */
export async function buildDirectory(directory: string, out: string): Promise<number> {
  requireOwn(out);
  // A process of its own: the agent runs without the build, which brings compilers.
  const args = [at('src/build/build.ts'), '--collectors', directory, '--out', out];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function requireOwn(out: string): void {
  const path = resolve(out);
  const real = existsSync(path) ? realpathSync(path) : path;
  if (!isSystemDirectory(real)) return;
  throw new HuatuoError('USAGE', {
    expected: '--out with a directory of its own',
    found: `${printable(real)}, a directory of the system`,
    remedy: 'name one that is new, such as --out built',
  });
}
