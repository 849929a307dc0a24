/** One collector, read from its files and checked. */
import { existsSync, readFileSync } from 'node:fs';
import { HuatuoError } from '../error.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import { DEFAULT_MAX_SERIES } from '../sdk/metrics.ts';
import { ALIASES, aliasesOf } from './aliases.ts';
import type { ContentsReader } from './contents.ts';
import { describeModule } from './describe-module.ts';
import type { CollectorDescription } from './description.ts';
import type { BrokenCollector, CatalogEntry } from './entry.ts';
import { describeFault, invalid } from './faults.ts';
import { parseManifest } from './manifest-schema.ts';
import { mergeOptions } from './options.ts';

/** Paths that share a basename; `wasmPath` is where the decoder would be. */
export interface CollectorFiles {
  readonly name: string;
  readonly modulePath?: string;
  /** `<name>.bpf.o`; its manifest is `<name>.json` beside it. */
  readonly objectPath?: string;
  readonly wasmPath: string;
}

export const COLLECTOR_NAME: RegExp = /^[a-z][a-z0-9_]{0,47}$/;
const DEFAULT_INTERVAL_SECONDS = 10;
/** More would hold up the page of all collectors: they are read in the thread of their own. */
const MAX_MAPPED_ENTRIES = 1 << 16;

/** Never throws: what is wrong with the collector comes back with its name. */
export async function readCollector(
  files: CollectorFiles,
  reader: ContentsReader,
): Promise<CatalogEntry | BrokenCollector> {
  try {
    checkName(files);
    const { name, objectPath, modulePath, wasmPath } = files;
    const manifest = objectPath === undefined ? undefined : readManifest(name, objectPath);
    const module = modulePath === undefined ? undefined : await describeModule(modulePath, reader);
    const parts = objectPath === undefined ? [] : [objectPath, manifestPath(objectPath), wasmPath];
    const ofModule = modulePath === undefined ? '' : reader.module(modulePath);
    return toEntry(files, manifest, module, `${reader.files(parts)} ${ofModule}`);
  } catch (cause) {
    const path = files.modulePath ?? files.objectPath ?? files.name;
    const error = HuatuoError.from(cause, 'COLLECTOR_INVALID', `correct or remove ${path}`);
    return { name: files.name, error };
  }
}

function checkName({ name }: CollectorFiles): void {
  if (!COLLECTOR_NAME.test(name))
    throw invalid('a name of [a-z][a-z0-9_]{0,47}', JSON.stringify(name), 'rename its files');
  if (Object.hasOwn(ALIASES, name)) {
    throw invalid('a name of its own', `${name}, which is an alias of ${ALIASES[name]}`, 'rename its files');
  }
}

function manifestPath(objectPath: string): string {
  return objectPath.replace(/\.bpf\.o$/, '.json');
}

function readManifest(name: string, objectPath: string): ObjectManifest {
  const path = manifestPath(objectPath);
  let manifest: ObjectManifest;
  try {
    manifest = parseManifest(readFileSync(path, 'utf8'));
  } catch (cause) {
    const found = describeFault(cause);
    throw invalid(`a manifest in ${path}`, found, 'build the collector again', cause);
  }
  if (manifest.collector === name) return manifest;
  throw invalid(
    `the manifest of ${name}`,
    `that of ${manifest.collector} in ${path}`,
    'build the collector again',
  );
}

function toEntry(
  files: CollectorFiles,
  manifest: ObjectManifest | undefined,
  module: CollectorDescription | undefined,
  contents: string,
): CatalogEntry {
  checkTogether(files, manifest, module);
  return {
    name: files.name,
    kind: module?.kind ?? (manifest?.event ? 'event' : 'metric'),
    doc: module?.doc ?? manifest?.doc ?? '',
    source: manifest ? 'bpf' : 'files',
    ...(module?.hooks.trigger && { isDeclared: true }),
    ...(manifest && isMapped(manifest) && { isMapped: true }),
    ...(isScraped(manifest, module) && { isScraped: true }),
    ...(manifest && startsWithRecord(manifest, module) && { startsWithRecord: true }),
    ...(module?.needs && { needs: module.needs }),
    enabledByDefault: module?.enabledByDefault ?? true,
    ...(files.modulePath !== undefined && { modulePath: files.modulePath }),
    ...(manifest && { manifest }),
    ...(files.objectPath !== undefined && { objectPath: files.objectPath }),
    ...(manifest?.event && { wasmPath: files.wasmPath }),
    options: mergeOptions(manifest, module?.options),
    interval: module?.interval ?? DEFAULT_INTERVAL_SECONDS,
    maxSeries: module?.maxSeries ?? DEFAULT_MAX_SERIES,
    aliases: aliasesOf(files.name),
    contents,
  };
}

function isMapped({ maps }: ObjectManifest): boolean {
  const entries = maps.reduce((sum, { metrics, maxEntries }) => sum + (metrics ? maxEntries : 0), 0);
  return entries <= MAX_MAPPED_ENTRIES;
}

function isScraped(manifest: ObjectManifest | undefined, module: CollectorDescription | undefined): boolean {
  if (!manifest || !isMapped(manifest)) return true;
  return module?.hooks.update !== undefined || Object.keys(module?.metrics ?? {}).length > 0;
}

/**
 * Not one that enriches, as what it looks for may be gone by the time that a thread has started, or that tells what is critical: then
 * the host may not be able to start one.
 */
function startsWithRecord(manifest: ObjectManifest, module: CollectorDescription | undefined): boolean {
  const { start, prepare, enrich, sample, trigger } = module?.hooks ?? {};
  const hooks = start ?? prepare ?? enrich ?? sample ?? trigger;
  return !isScraped(manifest, module) && !hooks && manifest.event?.severity !== 'critical';
}

/** What module and object must agree on. */
function checkTogether(
  files: CollectorFiles,
  manifest: ObjectManifest | undefined,
  module: CollectorDescription | undefined,
): void {
  if (!module && !manifest?.event && !manifest?.maps.some(({ metrics }) => metrics)) {
    throw invalid(
      'an event struct, a metric or a module',
      `only the maps of ${files.objectPath}`,
      `tag its maps (bpf/include/metric.h), or add ${files.name}.js`,
    );
  }
  if (manifest?.event && !existsSync(files.wasmPath)) {
    throw invalid('the decoder of its events', `no ${files.wasmPath}`, 'build the collector again');
  }
  const runs = module?.kind === 'metric' || module?.hooks.start || module?.hooks.trigger;
  if (module && !runs && !manifest?.event) {
    throw invalid('something to run', 'neither start() nor trigger() nor an event struct', 'add one of them');
  }
}
