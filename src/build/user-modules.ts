/**
 * The TypeScript of a user's directory, against the SDK of this checkout:
 *
 *   DIR/mine.bpf.c ──► DIR/generated/mine.ts   types of its struct and maps
 *   DIR/*.ts ──tsc──► OUT/*.js                 with DIR/tsconfig.json, which is made when there is none
 *
 * `huatuo/sdk` is found through a link in node_modules, as `npm link` makes it, by the compiler, by editors and by the agent.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { COLLECTOR_NAME } from '../catalog/read-collector.ts';
import { HuatuoError } from '../error.ts';
import { at, ROOT } from '../paths.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import { writeDescriptions } from './descriptions.ts';
import { eventTypeSource } from './event-type.ts';
import { filesIn, readIfThere, writeIfChanged } from './files.ts';
import { mappingSource } from './mapping.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 300_000;
const TSCONFIG = {
  extends: 'huatuo/tsconfig.collectors.json',
  include: ['*.ts', 'generated/*.ts'],
};
/** Modules that the last build made, so that those without a source are removed, and no other file is. */
const MADE = '.build-modules.json';

interface UserModules {
  /** Names of what was made anew. */
  readonly rewritten: readonly string[];
  readonly failures: readonly HuatuoError[];
}

/**
 * Makes modules, descriptions and mappings of a user's directory.
 * @param manifests of the objects that were built from it
 * @throws HuatuoError BUILD_FAILED with the compiler's messages, each with file, line and column
 */
export async function buildUserModules(
  sources: string,
  out: string,
  manifests: readonly ObjectManifest[],
): Promise<UserModules> {
  const typed = filesIn(sources, '.ts').filter((path) => !path.endsWith('.d.ts'));
  const plain = filesIn(sources, '.js');
  if (typed.length + plain.length > 0) prepare(out);
  if (typed.length > 0) await compile(sources, out, manifests);
  const names = [...new Set([...typed, ...plain].map((path) => basename(path).replace(/\.[jt]s$/, '')))];
  for (const module of plain) copyFileSync(module, join(out, basename(module)));
  removeFormer(out, names);
  const modules = names.filter((name) => COLLECTOR_NAME.test(name)).map((name) => join(out, `${name}.js`));
  const { descriptions, rewritten, failures } = await writeDescriptions(out, modules);
  const events = new Map(manifests.map(({ collector, event }) => [collector, event]));
  for (const name of new Set([...events.keys(), ...descriptions.keys()])) {
    const [event, declared] = [events.get(name), descriptions.get(name)?.document];
    if (event || declared)
      writeIfChanged(join(out, `${name}.mapping.json`), mappingSource(name, event, declared));
  }
  return { rewritten, failures };
}

async function compile(sources: string, out: string, manifests: readonly ObjectManifest[]): Promise<void> {
  link(sources);
  for (const manifest of manifests)
    writeIfChanged(
      join(sources, 'generated', `${manifest.collector}.ts`),
      eventTypeSource(manifest, 'huatuo/sdk'),
    );
  const project = join(sources, 'tsconfig.json');
  if (!existsSync(project)) writeIfChanged(project, `${JSON.stringify(TSCONFIG, null, 2)}\n`);
  const args = ['--project', project, '--rootDir', sources, '--outDir', out, '--pretty', 'false'];
  try {
    await run(at('node_modules/.bin/tsc'), args, { cwd: sources, timeout: TIMEOUT_MS, maxBuffer: 16 << 20 });
  } catch (error) {
    const printed = error instanceof Error && 'stdout' in error ? String(error.stdout).trim() : '';
    // `mine.ts(3,5): error` as editors and terminals take it.
    const message = printed.replace(/^(\S.*?)\((\d+),(\d+)\): /gm, (_, file: string, line, column) => {
      return `${relative(process.cwd(), join(sources, file))}:${line}:${column}: `;
    });
    throw new HuatuoError('BUILD_FAILED', {
      found: `the TypeScript compiler refused it:\n${message || String(error)}\n`,
      remedy: 'correct the lines above; nothing was compiled',
      cause: error,
    });
  }
}

/** Where modules run: they are ES modules, whatever project the directory is in, and find the SDK. */
function prepare(out: string): void {
  link(out);
  const manifest = join(out, 'package.json');
  if (!existsSync(manifest))
    writeIfChanged(manifest, `${JSON.stringify({ private: true, type: 'module' })}\n`);
}

/** Makes `huatuo/sdk` known to the files of a directory, unless it is. */
function link(directory: string): void {
  try {
    createRequire(join(directory, 'any.js')).resolve('huatuo/sdk');
  } catch {
    const path = join(directory, 'node_modules/huatuo');
    mkdirSync(join(directory, 'node_modules'), { recursive: true });
    rmSync(path, { force: true });
    symlinkSync(ROOT, path);
  }
}

/** A module without its source would still be a collector to the agent. */
function removeFormer(out: string, names: readonly string[]): void {
  const path = join(out, MADE);
  const former = JSON.parse(readIfThere(path) ?? '[]') as readonly string[];
  for (const name of former.filter((one) => !names.includes(one)))
    for (const ending of ['.js', '.description.json']) rmSync(join(out, name + ending), { force: true });
  writeIfChanged(path, JSON.stringify(names));
}
