/**
 * What runs in the agent, each entry point with what it imports in one file:
 *
 *   src/cli/main.ts                     ──► dist/huatuo.js
 *   workers/<name>.ts                   ──► dist/workers/<name>.js, in place of the compiler's
 *   src/collectors/<kind>/<name>.ts     ──► dist/src/collectors/<kind>/<name>.js, likewise
 *
 * A module costs its thread 20 to 30 KB beside the code, and the time to find, read and compile it; a heap keeps the text of what
 * it has loaded, comments too. A collector's module has forty below it, which its thread would load, and the catalog would read.
 */
import { globSync, rmSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { COLLECTOR_NAME } from '../catalog/read-collector.ts';
import { at } from '../paths.ts';
import { builtinImports } from './builtin-imports.ts';

const CHUNKS = 'dist/chunks';
/** Found at run time: they load files of their own. */
const EXTERNAL = ['koffi', 'piscina'];
/** For packages in CommonJS, which ask for Node's own modules by require(). A collector uses none. */
const REQUIRE = `const require=process.getBuiltinModule('node:module').createRequire(import.meta.url);`;

/** Runs after the compiler, which checks types. @throws esbuild's messages, for an import that is not there */
export async function bundle(): Promise<void> {
  rmSync(at(CHUNKS), { recursive: true, force: true });
  // One by one: what two threads share would become a module of its own, and one more for each.
  await Promise.all([
    build(withPackages(options('src/cli/main.ts', 'dist/huatuo'))),
    ...sources('workers/*.ts').map((entry) => build(withPackages(options(entry, inDist(entry))))),
    ...collectors().map((entry) => build(options(entry, inDist(entry)))),
  ]);
}

function sources(pattern: string): string[] {
  return globSync(pattern, { cwd: at('.') });
}

/** A name with a dash is a helper's. */
function collectors(): string[] {
  const modules = sources('src/collectors/{events,autotracing,metrics}/*.ts');
  return modules.filter((entry) => COLLECTOR_NAME.test(basename(entry, '.ts')));
}

/** Where the compiler writes it, without the ending. */
function inDist(entry: string): string {
  return `dist/${entry.slice(0, -'.ts'.length)}`;
}

function withPackages(bundled: BuildOptions): BuildOptions {
  return { ...bundled, banner: { js: REQUIRE } };
}

function options(entry: string, out: string): BuildOptions {
  return {
    entryPoints: [{ in: entry, out: relative(dirname(out), out) }],
    outdir: at(dirname(out)),
    absWorkingDir: at('.'),
    bundle: true,
    // What is imported late is loaded late.
    splitting: true,
    chunkNames: `${relative(dirname(out), CHUNKS)}/[name]-[hash]`,
    external: EXTERNAL,
    plugins: [builtinImports],
    format: 'esm',
    platform: 'node',
    target: 'node26',
    // Names stay as they are: stacks are in the log. Their lines are in the map, which Node reads with --enable-source-maps.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'silent',
  };
}
