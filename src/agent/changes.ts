/** Which parts of the agent a new configuration touches: what is equal is left running. Pure. */

import type { CatalogEntry } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';

/** Everything of the configuration that the journal's worker was started with. */
export function journalPart({ journal, log, supervisor }: EffectiveConfig): string {
  return JSON.stringify({ journal, log, supervisor });
}

/** The same for the Prometheus worker. The list of pool collectors is handed over without a restart. */
export function prometheusPart({ web, path, region, log, supervisor }: EffectiveConfig): string {
  return JSON.stringify({ web, path, region, log, supervisor });
}

/** The same for the thread that knows the containers. */
export function containersPart({ containers, path, log, supervisor }: EffectiveConfig): string {
  return JSON.stringify({ containers, path: [path.procfs, path.sysfs], log, supervisor });
}

/**
 * The same for one collector: its own section, what all collectors share, and its files.
 * @returns undefined when it is not to run in a worker
 */
export function collectorPart(config: EffectiveConfig, entry: CatalogEntry): string | undefined {
  const own = config.collectors[entry.name];
  if (!own?.enabled || isPooled(entry)) return undefined;
  const { region, path, ring, bpf, log, supervisor, containers } = config;
  const { modulePath, objectPath, manifest } = entry;
  const files = {
    modulePath,
    objectPath,
    layout: manifest?.event?.hash,
    attachPoints: manifest?.attachPoints,
  };
  const { wait_ms } = containers;
  const shared = { region, path: [path.procfs, path.sysfs], ring, bpf, log, supervisor, wait_ms };
  return JSON.stringify({ own, ...shared, files });
}

/** True for collectors that run as tasks on the pool and have no worker of their own. */
export function isPooled({ source, kind }: CatalogEntry): boolean {
  return source === 'files' && kind === 'metric';
}
