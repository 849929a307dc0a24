/**
 * The threads' entry points, each with what it imports in one file: `dist/workers/<name>.js` in place of the compiler's. A
 * module costs a thread 20 to 30 KB beside its code, and a thread's heap keeps the text of what it has loaded, comments too.
 */
import { globSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { build } from 'esbuild';
import { at } from '../paths.ts';

const CHUNKS = 'dist/chunks';
/** Found at run time: it starts threads from files of its own. */
const EXTERNAL = ['piscina'];
/** For packages in CommonJS, which ask for Node's own modules by require(). */
const REQUIRE = `import{createRequire as requireOf}from'node:module';const require=requireOf(import.meta.url);`;

/** Runs after the compiler, which has checked types. @throws esbuild's messages, for an import that is not there */
export async function bundleWorkers(): Promise<void> {
  rmSync(at(CHUNKS), { recursive: true, force: true });
  // One by one: what two threads share would become a module of its own, and one more for each.
  await Promise.all(globSync('workers/*.ts', { cwd: at('.') }).map(bundle));
}

async function bundle(entry: string): Promise<void> {
  await build({
    entryPoints: [entry],
    absWorkingDir: at('.'),
    outdir: at('dist/workers'),
    bundle: true,
    // What is imported late is loaded late.
    splitting: true,
    chunkNames: `${relative('dist/workers', CHUNKS)}/[name]-[hash]`,
    external: EXTERNAL,
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
  });
}
