/**
 * What runs in the agent, each entry point with what it imports in one file:
 *
 *   src/cli/main.ts     ──► dist/huatuo.js
 *   workers/<name>.ts   ──► dist/workers/<name>.js, in place of the compiler's
 *
 * A module costs its thread 20 to 30 KB beside the code, and a heap keeps the text of what it has loaded, comments too.
 */
import { globSync, rmSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { at } from '../paths.ts';
import { builtinImports } from './builtin-imports.ts';

const CHUNKS = 'dist/chunks';
/** Found at run time: they load files of their own. */
const EXTERNAL = ['koffi', 'piscina'];
/** For packages in CommonJS, which ask for Node's own modules by require(). */
const REQUIRE = `const require=process.getBuiltinModule('node:module').createRequire(import.meta.url);`;

/** Runs after the compiler, which checks types. @throws esbuild's messages, for an import that is not there */
export async function bundle(): Promise<void> {
  rmSync(at(CHUNKS), { recursive: true, force: true });
  // One by one: what two threads share would become a module of its own, and one more for each.
  await Promise.all([
    build(options('src/cli/main.ts', 'dist/huatuo')),
    ...globSync('workers/*.ts', { cwd: at('.') }).map((entry) =>
      build(options(entry, `dist/${entry.slice(0, -'.ts'.length)}`)),
    ),
  ]);
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
    banner: { js: REQUIRE },
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
