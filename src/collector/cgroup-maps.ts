/** What the reader of metrics does for bpf/include/cgroup_counters.h, whose programs move counts when a cgroup is removed. */
import { dirname } from 'node:path';
import type { KernelMap } from '../decoder/maps.ts';
import type { MapLayout } from '../schema/manifest.ts';
import { keyCgroup } from '../schema/metrics.ts';
import type { Container } from '../sdk/container.ts';

type AnyMap = KernelMap<unknown, unknown>;
/** The object's maps, by name. */
export type MapByName = (name: string) => AnyMap;
export interface MapEntry {
  readonly key: unknown;
  readonly views: readonly DataView[];
}

/** The map in which programs find containers that are inside others. */
export const NESTED_CONTAINERS = 'nested_containers';
/** Where global variables are, and the one that counts removals. */
const GLOBALS = '.bss';
const REMOVALS = 'cgroups_ended';
const MAX_READINGS = 5;

/** Tells the programs of one object which containers are inside others, as far as that has changed. */
export class NestedContainers {
  readonly #controller: string | undefined;
  #list: readonly Container[] = [];
  #told: ReadonlySet<bigint> = new Set();

  /** @param maps those of the object */
  constructor(maps: readonly MapLayout[]) {
    this.#controller = maps.flatMap((map) => keyCgroup(map)?.controller ?? [])[0];
  }

  /** @throws SYSCALL_FAILED when the map is full */
  async tell(map: AnyMap, list: readonly Container[]): Promise<void> {
    if (list === this.#list) return;
    const nested = nestedCgroups(list, this.#controller);
    for (const id of this.#told) if (!nested.has(id)) await map.delete(id);
    for (const id of nested) if (!this.#told.has(id)) await map.set(id, true);
    this.#told = nested;
    this.#list = list;
  }
}

/**
 * Cgroups of containers that are below another container's.
 * @param controller whose hierarchy they are of
 */
export function nestedCgroups(
  containers: readonly Container[],
  controller: string | undefined,
): ReadonlySet<bigint> {
  const idOf = new Map<string, bigint>();
  for (const { cgroups, cgroupIds } of containers) {
    const name = controller !== undefined && controller in cgroups ? controller : 'unified';
    const id = cgroupIds[Object.keys(cgroups).indexOf(name)];
    if (id !== undefined) idOf.set(cgroups[name]!, id);
  }
  const isInside = (path: string): boolean => {
    for (let parent = dirname(path); parent !== '/'; parent = dirname(parent))
      if (idOf.has(parent)) return true;
    return false;
  };
  return new Set([...idOf].flatMap(([path, id]) => (isInside(path) ? [id] : [])));
}

/**
 * The entries of a map, read when no cgroup was removed meanwhile: else a count that moves to the parent is met twice, and
 * the next scrape shows a counter that falls. Where cgroups are removed all the time the last reading is taken.
 */
export async function readSteady(map: AnyMap, globals: MapByName | undefined): Promise<MapEntry[]> {
  let before = await removals(globals);
  for (let readings = 1; ; readings++) {
    const entries: MapEntry[] = [];
    for await (const [key, views] of map.raw()) entries.push({ key, views });
    const after = await removals(globals);
    if (after === before || readings === MAX_READINGS) return entries;
    before = after;
  }
}

async function removals(globals: MapByName | undefined): Promise<unknown> {
  if (!globals) return undefined;
  for await (const [, variables] of globals(GLOBALS).entries())
    return (variables as Readonly<Record<string, unknown>>)[REMOVALS];
  return undefined;
}
