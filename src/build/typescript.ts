/** TypeScript -> `dist/`, incremental. */
import { execFile } from 'node:child_process';
import { existsSync, globSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { HuatuoError } from '../error.ts';
import { at } from '../paths.ts';
import { hashFiles } from './files.ts';
import type { Stamps } from './stamps.ts';

const run = promisify(execFile);
const BUILD_INFO = 'dist/.tsbuildinfo';
const PROGRAMS = '{src,workers,test}/**/*.ts';
const TIMEOUT_MS = 300_000;

/**
 * Compiles everything tsconfig.json names. JavaScript is written even when types do not fit, so that one unfinished
 * file does not stop work on the others.
 * @param stamps where a compilation without errors is remembered: looking at 200 files is faster than the compiler is
 * @returns whether the compiler ran, and the number of sources
 * @throws HuatuoError BUILD_FAILED with the compiler's messages
 */
export async function compileTypeScript(
  stamps: Stamps,
): Promise<{ readonly ran: boolean; readonly sources: number }> {
  const sources = globSync(PROGRAMS, { cwd: at('.') }).sort();
  removeOrphanedOutput(sources);
  const compiled = sources.filter((source) => !source.endsWith('.d.ts'));
  const outputs = compiled.map((source) => at('dist', outputOf(source)));
  const inputs = [...sources, 'tsconfig.json', 'package-lock.json'].map((source) => at(source));
  const key = hashFiles(inputs, ...sources);
  if (stamps.isFresh('typescript', key, outputs)) return { ran: false, sources: sources.length };
  stamps.forget('typescript');
  // The compiler believes its notes, not the disk: without an output the notes are worth nothing.
  if (!outputs.every((output) => existsSync(output))) rmSync(at(BUILD_INFO), { force: true });
  await runCompiler();
  stamps.set('typescript', key);
  return { ran: true, sources: sources.length };
}

async function runCompiler(): Promise<void> {
  try {
    const args = ['--incremental', '--tsBuildInfoFile', BUILD_INFO, '--pretty', 'false'];
    await run(at('node_modules/.bin/tsc'), args, { cwd: at('.'), timeout: TIMEOUT_MS, maxBuffer: 64 << 20 });
  } catch (error) {
    const message = error instanceof Error && 'stdout' in error ? String(error.stdout).trim() : '';
    throw new HuatuoError('BUILD_FAILED', {
      found: `the TypeScript compiler refused it:\n${message || String(error)}\n`,
      remedy: 'correct the lines above',
      cause: error,
    });
  }
}

/** A collector or test whose source is gone would still be found in `dist/` and run. */
function removeOrphanedOutput(sources: readonly string[]): void {
  const known = new Set(sources.map(outputOf));
  for (const output of globSync('{src,workers,test}/**/*.js', { cwd: at('dist') })) {
    if (known.has(output)) continue;
    const stem = at('dist', output.slice(0, -'.js'.length));
    for (const ending of ['.js', '.js.map', '.d.ts']) rmSync(stem + ending, { force: true });
  }
}

function outputOf(source: string): string {
  return source.replace(/\.ts$/, '.js');
}
