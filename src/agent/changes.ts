/** Which parts of the agent a new configuration touches: what is equal is left running. Pure. */

import type { Catalog } from '../catalog/catalog.ts';
import { type BrokenCollector, type CatalogEntry, isPooled, looksOnPool } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';

/**
 * Everything of the configuration that a collector's worker is started with: its own section, what all share, and its files.
 * @returns undefined when it is not to run in a worker
 */
export function collectorPart(config: EffectiveConfig, entry: CatalogEntry): string | undefined {
  const own = config.collectors[entry.name];
  if (!own?.enabled || isPooled(entry)) return undefined;
  const { region, hostname, path, ring, bpf, log, containers } = config;
  // A directory may hold another collector of that name, and a rebuilt one has the same path.
  const files = [entry.modulePath, entry.objectPath, entry.contents];
  // Units that had series have them in the memory of workers, which begin anew.
  const { wait_ms, keep_gone_ms, units } = containers;
  const paths = [path.procfs, path.sysfs];
  const supervision = supervisionPart(config);
  const shared = { region, hostname, paths, ring, bpf, log, supervision, wait_ms, keep_gone_ms, units };
  // Its looks are given up a little before a scrape would be.
  const patience = looksOnPool(entry) && config.web.scrape_timeout_ms;
  return JSON.stringify({ own, ...shared, patience, files });
}

/** What supervises one thread. The memory limit is for all of them, and looked up when it counts. */
export function supervisionPart({ supervisor }: EffectiveConfig): object {
  const { memory_limit_bytes: _, ...supervision } = supervisor;
  return supervision;
}

/** Those that were not broken before, or for another reason. */
export function newlyBroken(before: Catalog, { broken }: Catalog): BrokenCollector[] {
  const known = new Map(before.broken.map(({ name, error }) => [name, error.message]));
  return broken.filter(({ name, error }) => known.get(name) !== error.message);
}
