/** The BPF object of a collector, as its owner loads it: files of the catalog, values of the configuration. */
import type { CatalogEntry } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { ObjectSource } from '../kernel/object-owner.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import type { Log } from '../sdk/context.ts';

interface ObjectDependencies {
  readonly config: EffectiveConfig;
  readonly log: Log;
  /** Set for a collector that is to be pinned: a directory on a BPF file system. */
  readonly pinDirectory?: string | undefined;
}

/** @returns undefined for a collector without BPF programs */
export function objectSource(
  { name, manifest, objectPath, wasmPath }: CatalogEntry,
  { config, log, pinDirectory: directory }: ObjectDependencies,
): ObjectSource | undefined {
  if (!manifest || !objectPath) return undefined;
  return {
    manifest,
    objectPath,
    ...(wasmPath && { wasmPath }),
    options: bpfOptions(manifest, config.collectors[name]?.options ?? {}),
    paths: config.path,
    ...(directory !== undefined && { pin: { directory, log } }),
  };
}

/** As `.rodata` takes them; the module's own options are not among them. */
function bpfOptions(
  { options }: ObjectManifest,
  values: Readonly<Record<string, unknown>>,
): Record<string, bigint> {
  return Object.fromEntries(options.map(({ name }) => [name, BigInt(values[name] as number)]));
}
