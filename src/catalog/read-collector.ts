/** One collector, read from its files and checked. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { HuatuoError } from '../error.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import type { Collector } from '../sdk/collector.ts';
import { DEFAULT_MAX_SERIES } from '../sdk/metrics.ts';
import { printable, showPath } from '../text.ts';
import { ALIASES, aliasesOf } from './aliases.ts';
import type { BrokenCollector, CatalogEntry } from './entry.ts';
import { parseManifest } from './manifest-schema.ts';
import { optionsSchema } from './options.ts';

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

/** A module whose top level awaits something that never comes must not keep the agent from starting. */
const IMPORT_DEADLINE_MS = 5_000;

/** Never throws: what is wrong with the collector comes back with its name. */
export async function readCollector(files: CollectorFiles): Promise<CatalogEntry | BrokenCollector> {
  try {
    checkName(files);
    const manifest =
      files.objectPath === undefined ? undefined : await readManifest(files.name, files.objectPath);
    const collector = files.modulePath === undefined ? undefined : await importCollector(files.modulePath);
    return toEntry(files, manifest, collector);
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

async function readManifest(name: string, objectPath: string): Promise<ObjectManifest> {
  const path = objectPath.replace(/\.bpf\.o$/, '.json');
  let manifest: ObjectManifest;
  try {
    manifest = parseManifest(await readFile(path, 'utf8'));
  } catch (cause) {
    const found = describe(cause);
    throw invalid(`a manifest in ${path}`, found, 'build the collector again', cause);
  }
  if (manifest.collector === name) return manifest;
  throw invalid(
    `the manifest of ${name}`,
    `that of ${manifest.collector} in ${path}`,
    'build the collector again',
  );
}

/**
 * The default export of a module, as one of the define… functions of the SDK made it.
 * @throws HuatuoError COLLECTOR_INVALID; also when the module throws or hangs
 */
export async function importCollector(modulePath: string): Promise<Collector> {
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    deadline.reject(new Error(`its top level did not finish within ${IMPORT_DEADLINE_MS / 1000} s`));
  }, IMPORT_DEADLINE_MS);
  try {
    const module: { default?: unknown } = await Promise.race([
      import(pathToFileURL(modulePath).href),
      deadline.promise,
    ]);
    return checkCollector(module.default, modulePath);
  } catch (cause) {
    if (cause instanceof HuatuoError) throw cause;
    throw invalid(`a module in ${modulePath}`, describe(cause), 'correct it', cause);
  } finally {
    clearTimeout(timer);
  }
}

const hook = z
  .custom<() => unknown>((value) => typeof value === 'function', 'expected a function')
  .optional();

const shared = {
  doc: z.string().min(1),
  enabledByDefault: z.boolean().optional(),
  options: z.unknown().optional(),
  metrics: z.record(z.string(), z.looseObject({ help: z.string(), labels: z.array(z.string()) })).optional(),
  maxSeries: z.int().min(1).optional(),
};
const tracing = {
  ...shared,
  interval: z.number().positive().optional(),
  start: hook,
  enrich: hook,
  update: hook,
};
const sample = z.looseObject({ every: z.number().positive(), take: hook.unwrap() }).optional();

const collectorShape = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('event'), ...tracing }),
  z.looseObject({ kind: z.literal('autotracing'), ...tracing }),
  z.looseObject({
    kind: z.literal('metric'),
    source: z.enum(['bpf', 'files']),
    ...shared,
    sample,
    update: hook.unwrap(),
  }),
]);

function checkCollector(value: unknown, modulePath: string): Collector {
  const checked = collectorShape.safeParse(value);
  if (checked.success) return value as Collector;
  const found = value === undefined ? `no default export in ${modulePath}` : describe(checked.error);
  const expected =
    'the result of defineEvent, defineAutotracing, defineBpfMetric or defineMetric as default export';
  throw invalid(expected, found, 'correct the module');
}

function toEntry(
  files: CollectorFiles,
  manifest: ObjectManifest | undefined,
  collector: Collector | undefined,
): CatalogEntry {
  checkTogether(files, manifest, collector);
  return {
    name: files.name,
    kind: collector?.kind ?? (manifest?.event ? 'event' : 'metric'),
    doc: collector?.doc ?? manifest?.doc ?? '',
    source: manifest ? 'bpf' : 'files',
    enabledByDefault: collector?.enabledByDefault ?? true,
    ...(files.modulePath !== undefined && { modulePath: files.modulePath }),
    ...(manifest && { manifest }),
    ...(files.objectPath !== undefined && { objectPath: files.objectPath }),
    ...(manifest?.event && { wasmPath: files.wasmPath }),
    optionsSchema: optionsSchema(manifest, collector?.options),
    interval:
      (collector && 'interval' in collector ? collector.interval : undefined) ?? DEFAULT_INTERVAL_SECONDS,
    maxSeries: collector?.maxSeries ?? DEFAULT_MAX_SERIES,
    aliases: aliasesOf(files.name),
  };
}

/** What module and object must agree on. */
function checkTogether(
  files: CollectorFiles,
  manifest: ObjectManifest | undefined,
  collector: Collector | undefined,
): void {
  if (!collector && !manifest?.event && !manifest?.maps.some(({ metrics }) => metrics)) {
    throw invalid(
      'an event struct, a metric or a module',
      `only the maps of ${files.objectPath}`,
      `tag its maps (bpf/include/metric.h), or add ${files.name}.js`,
    );
  }
  if (manifest?.event && !existsSync(files.wasmPath)) {
    throw invalid('the decoder of its events', `no ${files.wasmPath}`, 'build the collector again');
  }
  if (collector?.kind === 'metric' && collector.source === 'bpf' && !manifest) {
    throw invalid('a BPF object for defineBpfMetric', 'none', `build ${files.name}.bpf.c`);
  }
  if (collector?.kind === 'metric' && collector.source === 'files' && manifest) {
    throw invalid('no BPF object for defineMetric', `${files.objectPath}`, 'declare it with defineBpfMetric');
  }
  if (collector && collector.kind !== 'metric' && !collector.start && !manifest?.event) {
    throw invalid('something to run', 'neither start() nor an event struct', 'add one of them');
  }
}

function describe(thrown: unknown): string {
  if (thrown instanceof z.ZodError) {
    return thrown.issues.map(({ path, message }) => `${showPath(path)}: ${printable(message)}`).join(', ');
  }
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function invalid(expected: string, found: string, remedy: string, cause?: unknown): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', { expected, found, remedy, cause });
}
