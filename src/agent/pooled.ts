/** The collectors that run as tasks on the pool and have no actor: which there are, and which a reload touches. */
import type { Catalog } from '../catalog/catalog.ts';
import { type CatalogEntry, isPooled } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { PoolCollector } from '../pool/file-task.ts';
import { allocateState, type StateMemory } from '../sdk/shared-state.ts';

type Enabled = Pick<EffectiveConfig, 'collectors'>;

/**
 * Those that are enabled, as the Prometheus worker is told of them.
 * @param before what is unchanged keeps its state
 */
export function pooledCollectors(
  config: Enabled,
  catalog: Pick<Catalog, 'entries'>,
  before: readonly PoolCollector[] = [],
): PoolCollector[] {
  const known = new Map(before.map((collector) => [JSON.stringify(collector), collector]));
  return catalog.entries
    .filter((entry) => isPooled(entry) && config.collectors[entry.name]?.enabled)
    .map((entry) => {
      const collector = poolCollector(config, entry, allocateState());
      return known.get(JSON.stringify(collector)) ?? collector;
    });
}

/** @param state outlives the threads that run it */
export function poolCollector(config: Enabled, entry: CatalogEntry, state: StateMemory): PoolCollector {
  const { name, modulePath = '', maxSeries, contents } = entry;
  return { name, modulePath, options: config.collectors[name]?.options ?? {}, maxSeries, contents, state };
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
