/**
 * Which collectors there are. A collector registers itself by existing: the catalog is read from the directories, and
 * config keys, flags and `huatuo list` are derived from it.
 *
 *   <builtinRoot>/bpf/oom.bpf.o + oom.json, wasm/oom.wasm ─┐
 *   <builtinRoot>/src/collectors/<kind>/oom.js ────────────┴─► CatalogEntry "oom"
 *   <extra>/mine.bpf.o + mine.json + mine.wasm + mine.js ────► CatalogEntry "mine"
 *
 * A collector that cannot be used is reported under its name and never hides the others.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { foreignWriter } from '../foreign-writer.ts';
import { type Catalog, createCatalog } from './catalog.ts';
import { ContentsReader } from './contents.ts';
import { COLLECTOR_NAME, type CollectorFiles, readCollector } from './read-collector.ts';

interface CatalogDirectories {
  /** What the build made: `dist`. Parts of it may be missing. */
  readonly builtinRoot: string;
  /** The user's own collectors, one flat directory each. */
  readonly extraDirectories: readonly string[];
}

/** Reads every collector there is. Runs no code of theirs in this thread. */
export async function loadCatalog(directories: CatalogDirectories): Promise<Catalog> {
  const unreadable = new Map<string, string>();
  const builtin = await findBuiltin(directories.builtinRoot);
  const extra = await Promise.all(
    directories.extraDirectories.map((directory) => findExtra(directory, unreadable)),
  );
  const contents = new ContentsReader();
  const files = [builtin, ...extra].flat();
  const found = await Promise.all(files.map((collector) => readCollector(collector, contents)));
  return createCatalog(found, unreadable);
}

async function findBuiltin(root: string): Promise<CollectorFiles[]> {
  const groups = ['events', 'autotracing', 'metrics'].map((kind) => join(root, 'src/collectors', kind));
  const objects = join(root, 'bpf');
  const listed = await Promise.all([objects, ...groups].map(listOptional));
  const wasm = join(root, 'wasm');
  const files = group(listed.flat(), (name) => join(wasm, `${name}.wasm`));
  // Our own directories hold helper modules too; they have a dash in their names.
  return files.filter(({ name }) => COLLECTOR_NAME.test(name));
}

async function findExtra(directory: string, unreadable: Map<string, string>): Promise<CollectorFiles[]> {
  try {
    const names = await readdir(directory);
    const paths = names.map((name) => join(directory, name));
    const writer = [directory, ...paths].map(foreignWriter).find((found) => found !== undefined);
    if (writer !== undefined) {
      unreadable.set(directory, `its code would run as root, and ${writer}: chown root, chmod go-w`);
      return [];
    }
    return group(paths, (name) => join(directory, `${name}.wasm`));
  } catch (cause) {
    unreadable.set(directory, cause instanceof Error ? cause.message : String(cause));
    return [];
  }
}

/** Built-in directories exist once the build has put something there. */
async function listOptional(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.map((name) => join(directory, name));
  } catch {
    return [];
  }
}

const COLLECTOR_FILE = /([^/]+?)\.(js|bpf\.o)$/;

/** One CollectorFiles for each basename. Two modules with one basename make two, so that the later is reported. */
function group(paths: readonly string[], wasmPath: (name: string) => string): CollectorFiles[] {
  const files: { -readonly [K in keyof CollectorFiles]: CollectorFiles[K] }[] = [];
  for (const path of paths.toSorted()) {
    const [, name, extension] = COLLECTOR_FILE.exec(path) ?? [];
    if (name === undefined) continue;
    const key = extension === 'js' ? 'modulePath' : 'objectPath';
    const incomplete = files.find((other) => other.name === name && other[key] === undefined);
    if (incomplete) incomplete[key] = path;
    else files.push({ name, [key]: path, wasmPath: wasmPath(name) });
  }
  return files;
}
