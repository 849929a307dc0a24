/** The C compiler: finding one that keeps btf_decl_tag (clang 14 is the first) and running it. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { HuatuoError } from '../error.ts';
import { buildFailed } from '../schema/failure.ts';

const run = promisify(execFile);

export const OLDEST_CLANG = 14;
/** A compiler that hangs must not hang the build. */
const COMPILE_TIMEOUT_MS = 60_000;
const MAX_OBJECT_BYTES = 64 << 20;

export interface Clang {
  /** Command: `clang` or a versioned `clang-17`. */
  readonly command: string;
  readonly major: number;
  /** First line of --version: part of what decides whether an object is up to date. */
  readonly version: string;
}

/** Plain `clang` when it is new enough, else the newest `clang-NN` of PATH. */
export async function findClang(path: string = process.env.PATH ?? ''): Promise<Clang | undefined> {
  for (const command of ['clang', ...versionedClangs(path)]) {
    const clang = await ask(command, path);
    if (clang && clang.major >= OLDEST_CLANG) return clang;
  }
  return undefined;
}

/** @throws HuatuoError BUILD_FAILED when there is none */
export async function requireClang(): Promise<Clang> {
  const clang = await findClang();
  if (clang) return clang;
  throw new HuatuoError('BUILD_FAILED', {
    expected: `clang ${OLDEST_CLANG} or later`,
    found: 'none in PATH',
    remedy: 'run `npm run setup` as root',
  });
}

function versionedClangs(path: string): string[] {
  const names = path.split(delimiter).flatMap((directory) => {
    try {
      return readdirSync(directory).filter((name) => /^clang-\d+$/.test(name));
    } catch {
      return []; // PATH may name directories that do not exist.
    }
  });
  return [...new Set(names)].sort(
    (a, b) => Number(b.slice('clang-'.length)) - Number(a.slice('clang-'.length)),
  );
}

async function ask(command: string, path: string): Promise<Clang | undefined> {
  try {
    const { stdout } = await run(command, ['--version'], { env: { ...process.env, PATH: path } });
    const version = stdout.split('\n', 1)[0] ?? '';
    return { command, version, major: Number(/version (\d+)/.exec(version)?.[1] ?? 0) };
  } catch {
    return undefined;
  }
}

const TARGETS: Readonly<Record<string, { readonly macro: string; readonly multiarch: string }>> = {
  x64: { macro: '__TARGET_ARCH_x86', multiarch: 'x86_64-linux-gnu' },
  arm64: { macro: '__TARGET_ARCH_arm64', multiarch: 'aarch64-linux-gnu' },
};

/** @param includeDirectory `bpf/include` */
export function compileFlags(includeDirectory: string): string[] {
  const target = TARGETS[process.arch];
  const multiarch = `/usr/include/${target?.multiarch}`;
  return [
    ...['-g', '-O2', '-target', 'bpf', '-mcpu=v3', '-Wall'],
    // Of a function that no header declares clang would make an external one, which libbpf does not find.
    '-Werror=implicit-function-declaration',
    `-I${includeDirectory}`,
    // Debian keeps asm/types.h where only a native target looks for it.
    ...(existsSync(multiarch) ? [`-I${multiarch}`] : []),
    ...(target ? [`-D${target.macro}`] : []),
  ];
}

interface Compiled {
  readonly object: Buffer;
  /** The compiler's warnings, empty as a rule. */
  readonly warnings: string;
}

/**
 * Compiles one program. Nothing is written: an object is only worth a file when its manifest can be read.
 * @throws HuatuoError BUILD_FAILED with the compiler's message
 */
export async function compileObject(
  clang: Clang,
  flags: readonly string[],
  source: string,
): Promise<Compiled> {
  const file = relative(process.cwd(), source);
  try {
    const { stdout, stderr } = await run(clang.command, [...flags, '-c', file, '-o', '-'], {
      encoding: 'buffer',
      timeout: COMPILE_TIMEOUT_MS,
      maxBuffer: MAX_OBJECT_BYTES,
    });
    return { object: stdout, warnings: stderr.toString().trim() };
  } catch (error) {
    const message = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const found = `${clang.command} refused it:\n${message || String(error)}\n`;
    throw buildFailed({ file }, found, 'correct the source', error);
  }
}

/** The headers whose change makes every object stale, in a stable order. */
export function headersOf(includeDirectory: string): string[] {
  return readdirSync(includeDirectory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.h'))
    .sort()
    .map((name) => join(includeDirectory, name));
}
