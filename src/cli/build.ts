/** `huatuo build`: the build of this checkout, run for a directory of the user's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { at } from '../paths.ts';

/** @returns the exit code of the build: 0 all was built, 1 something was refused */
export async function buildDirectory(directory: string, out: string): Promise<number> {
  // A process of its own: the agent runs without the build, which brings compilers.
  const args = [at('src/build/build.ts'), '--collectors', directory, '--out', out];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
