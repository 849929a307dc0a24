/** What the reader of metrics does for bpf/include/cgroup_counters.h, whose programs move counts when a cgroup is removed. */
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

/** The map in which programs find the cgroups of containers. */
export const CONTAINER_CGROUPS = 'container_cgroups';
/** Each is a call to the thread that talks to the kernel; those that are left come at the next scrape. */
const MAX_TOLD = 1024;
/** Where global variables are, and the one that counts removals. */
const GLOBALS = '.bss';
const REMOVALS = 'cgroups_ended';
const MAX_READINGS = 5;

/** Tells the programs of one object which cgroups are those of containers, as far as that has changed. */
export class ContainerCgroups {
  readonly #controller: string | undefined;
  readonly #told = new Set<bigint>();

  /** @param maps those of the object */
  constructor(maps: readonly MapLayout[]) {
    this.#controller = maps.flatMap((map) => keyCgroup(map)?.controller ?? [])[0];
  }

  /** @throws SYSCALL_FAILED */
  async tell(map: AnyMap, containers: readonly Container[]): Promise<void> {
    const present = new Set(containers.flatMap((container) => cgroupOf(container, this.#controller) ?? []));
    const gone = [...this.#told].filter((id) => !present.has(id));
    const added = [...present].filter((id) => !this.#told.has(id));
    // A full map would refuse it, and what is not told goes to the parent.
    const room = map.layout.maxEntries - this.#told.size + gone.length;
    for (const id of gone.slice(0, MAX_TOLD)) {
      await map.delete(id);
      this.#told.delete(id);
    }
    for (const id of added.slice(0, Math.min(room, MAX_TOLD))) {
      await map.set(id, true);
      this.#told.add(id);
    }
  }
}

/** @param controller whose hierarchy it is of @returns inode of the container's cgroup there */
export function cgroupOf(
  { cgroups, cgroupIds }: Pick<Container, 'cgroups' | 'cgroupIds'>,
  controller: string | undefined,
): bigint | undefined {
  const name = controller !== undefined && controller in cgroups ? controller : 'unified';
  return cgroupIds[Object.keys(cgroups).indexOf(name)];
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
