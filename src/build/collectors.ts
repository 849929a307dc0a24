/**
 * Builds a directory of collectors:
 *
 *   <c>.bpf.c ──clang──► <c>.bpf.o ──BTF──► <c>.json ──► <c>.ts (decoder) ──asc──► <c>.wasm
 *
 * One broken collector does not keep the others from being built.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { HuatuoError } from '../error.ts';
import { at } from '../paths.ts';
import { buildFailed } from '../schema/failure.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import { readManifest } from '../schema/read-manifest.ts';
import { type Clang, compileFlags, compileObject, headersOf, requireClang } from './clang.ts';
import { decoderSource } from './decoder-source.ts';
import { filesIn, hashFiles, readIfThere, writeIfChanged } from './files.ts';
import { Stamps } from './stamps.ts';

/** Where the parts of a set of collectors are. All paths absolute. */
export interface CollectorSet {
  /** Directory of the `<c>.bpf.c`. */
  readonly sources: string;
  /** Gets `<c>.bpf.o` and `<c>.json`. */
  readonly objects: string;
  /** Gets `<c>.wasm`. */
  readonly wasm: string;
  /** Gets the decoders' sources; a directory inside `wasm/`, whose modules they import. */
  readonly decoders: string;
  /** Remembers what is up to date. */
  readonly stamps: string;
}

export interface BuildOutcome {
  /** Number of `<c>.bpf.c`. */
  readonly sources: number;
  /** Of every collector whose object is good, rebuilt or not. */
  readonly manifests: readonly ObjectManifest[];
  /** Collectors whose object or decoder was made anew. */
  readonly rebuilt: readonly string[];
  readonly warnings: readonly string[];
  readonly failures: readonly HuatuoError[];
}

/** What every step depends on beside its own source. */
interface Tools {
  readonly clang: Clang;
  readonly flags: readonly string[];
  readonly objectKey: string;
  readonly decoderKey: string;
}

const NAME = /^[a-z][a-z0-9_]{0,47}$/;
const SUFFIX = '.bpf.c';

/** @throws HuatuoError BUILD_FAILED without a usable clang; failures of single collectors are in the outcome */
export async function buildCollectors(set: CollectorSet): Promise<BuildOutcome> {
  const tools = await findTools();
  const stamps = new Stamps(set.stamps);
  for (const directory of [set.objects, set.wasm, set.decoders]) mkdirSync(directory, { recursive: true });
  const sources = filesIn(set.sources, SUFFIX);
  const manifests: ObjectManifest[] = [];
  const rebuilt: string[] = [];
  const warnings: string[] = [];
  const failures: HuatuoError[] = [];
  for (const source of sources) {
    try {
      const object = await buildObject(source, set, tools, stamps);
      if (object.warnings !== '') warnings.push(object.warnings);
      manifests.push(object.manifest);
      const decoded = await buildDecoder(object.manifest, set, tools, stamps);
      if (object.rebuilt || decoded) rebuilt.push(object.manifest.collector);
    } catch (error) {
      failures.push(HuatuoError.from(error, 'BUILD_FAILED', `correct ${relative(process.cwd(), source)}`));
    }
  }
  return { sources: sources.length, manifests, rebuilt, warnings, failures };
}

/**
 * Builds a directory outside the checkout: `<c>.bpf.o`, `<c>.json` and `<c>.wasm` side by side in `out`. The decoders'
 * sources must live in `wasm/` while they are compiled, because they import their neighbours there.
 */
export async function buildDirectory(sources: string, out: string): Promise<BuildOutcome> {
  const decoders = mkdtempSync(at('wasm/.decoders-'));
  try {
    return await buildCollectors({
      sources,
      objects: out,
      wasm: out,
      decoders,
      stamps: join(out, '.build-stamps.json'),
    });
  } finally {
    rmSync(decoders, { recursive: true, force: true });
  }
}

async function findTools(): Promise<Tools> {
  const clang = await requireClang();
  const include = at('bpf/include');
  const flags = compileFlags(include);
  const builder = hashFiles([...filesIn(at('src/build'), '.ts'), ...filesIn(at('src/schema'), '.ts')]);
  const compiler = [
    at('node_modules/assemblyscript/package.json'),
    at('asconfig.json'),
    ...filesIn(at('wasm'), '.ts'),
  ];
  return {
    clang,
    flags,
    objectKey: hashFiles(headersOf(include), builder, clang.version, ...flags),
    decoderKey: hashFiles(compiler, builder),
  };
}

interface BuiltObject {
  readonly manifest: ObjectManifest;
  readonly rebuilt: boolean;
  readonly warnings: string;
}

async function buildObject(
  source: string,
  set: CollectorSet,
  tools: Tools,
  stamps: Stamps,
): Promise<BuiltObject> {
  const collector = collectorName(source);
  const object = join(set.objects, `${collector}.bpf.o`);
  const json = join(set.objects, `${collector}.json`);
  const key = hashFiles([source], tools.objectKey);
  const known = stamps.isFresh(`object:${collector}`, key, [object, json]) ? parseManifest(json) : undefined;
  if (known) return { manifest: known, rebuilt: false, warnings: '' };
  const compiled = await compileObject(tools.clang, tools.flags, source);
  const manifest = readManifest(compiled.object, collector, relative(process.cwd(), source));
  stamps.forget(`object:${collector}`);
  writeIfChanged(object, compiled.object);
  writeIfChanged(json, `${JSON.stringify(manifest, null, 1)}\n`);
  stamps.set(`object:${collector}`, key);
  return { manifest, rebuilt: true, warnings: compiled.warnings };
}

/** A manifest of an earlier build; a damaged one is made again. */
function parseManifest(path: string): ObjectManifest | undefined {
  try {
    return JSON.parse(readIfThere(path) ?? '') as ObjectManifest;
  } catch {
    return undefined;
  }
}

/** The basename is the collector's name everywhere. */
function collectorName(source: string): string {
  const name = basename(source, SUFFIX);
  if (NAME.test(name)) return name;
  const file = relative(process.cwd(), source);
  throw buildFailed(
    { file },
    `the collector name '${name}'`,
    'use at most 48 of a-z, 0-9 and _, starting with a letter',
  );
}

/** @returns true when the WASM was compiled; objects without events have none */
async function buildDecoder(
  manifest: ObjectManifest,
  set: CollectorSet,
  tools: Tools,
  stamps: Stamps,
): Promise<boolean> {
  if (!manifest.event) return false;
  const { collector } = manifest;
  const source = join(set.decoders, `${collector}.ts`);
  const wasm = join(set.wasm, `${collector}.wasm`);
  const text = decoderSource(collector, manifest.event);
  writeIfChanged(source, text);
  const key = hashFiles([], tools.decoderKey, text);
  if (stamps.isFresh(`decoder:${collector}`, key, [wasm])) return false;
  stamps.forget(`decoder:${collector}`);
  // Loading the AssemblyScript compiler takes longer than a build that has nothing to do.
  const { compileDecoder } = await import('./asc.ts');
  await compileDecoder(source, wasm);
  stamps.set(`decoder:${collector}`, key);
  return true;
}
