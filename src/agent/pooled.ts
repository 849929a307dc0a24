/** The collectors that run as tasks on the pool and have no actor: which there are, and which a reload touches. Pure. */
import type { Catalog } from '../catalog/catalog.ts';
import { isPooled } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { PoolCollector } from '../pool/file-task.ts';

/** Those that are enabled, as the Prometheus worker is told of them. */
export function pooledCollectors(
  config: Pick<EffectiveConfig, 'collectors'>,
  catalog: Pick<Catalog, 'entries'>,
): PoolCollector[] {
  return catalog.entries
    .filter((entry) => isPooled(entry) && config.collectors[entry.name]?.enabled)
    .map(({ name, modulePath = '', maxSeries, contents }) => ({
      name,
      modulePath,
      options: config.collectors[name]?.options ?? {},
      maxSeries,
      contents,
    }));
}

/** @returns names of those that are made anew, added or removed */
export function changedPooled(before: readonly PoolCollector[], now: readonly PoolCollector[]): string[] {
  const left = new Map(before.map((collector) => [collector.name, JSON.stringify(collector)]));
  const touched: string[] = [];
  for (const collector of now) {
    if (left.get(collector.name) !== JSON.stringify(collector)) touched.push(collector.name);
    left.delete(collector.name);
  }
  return [...touched, ...left.keys()];
}
