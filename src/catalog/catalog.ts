/** Which collectors there are, as plain data: what `load-catalog.ts` has found. */
import { HuatuoError } from '../error.ts';
import { canonicalName } from './aliases.ts';
import type { BrokenCollector, CatalogEntry } from './entry.ts';

export interface Catalog {
  /** Sorted by name; names are unique. */
  readonly entries: readonly CatalogEntry[];
  readonly broken: readonly BrokenCollector[];
  /** Extra directories that could not be read, with the reason. */
  readonly unreadable: ReadonlyMap<string, string>;
  /** Looks a usable collector up by name or alias. */
  find(name: string): CatalogEntry | undefined;
}

/** A catalog of these collectors; of two with one name the first stays and the later is broken. */
export function createCatalog(
  found: readonly (CatalogEntry | BrokenCollector)[],
  unreadable: ReadonlyMap<string, string> = new Map(),
): Catalog {
  const entries = new Map<string, CatalogEntry>();
  const broken: BrokenCollector[] = [];
  for (const collector of found) {
    const first = entries.get(collector.name);
    if ('error' in collector) broken.push(collector);
    else if (first) broken.push({ name: collector.name, error: duplicate(collector, first) });
    else entries.set(collector.name, collector);
  }
  return {
    entries: [...entries.values()].sort(byName),
    broken: broken.sort(byName),
    unreadable,
    find: (name) => entries.get(canonicalName(name)),
  };
}

function duplicate(later: CatalogEntry, first: CatalogEntry): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: `one collector named ${later.name}`,
    found: `${whereIs(later)} beside ${whereIs(first)}, which is used`,
    remedy: 'rename one of them',
  });
}

function whereIs(entry: CatalogEntry): string {
  return entry.modulePath ?? entry.objectPath ?? entry.name;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
