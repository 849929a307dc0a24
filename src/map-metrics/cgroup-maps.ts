/** What the reader of metrics does for bpf/include/cgroup_counters.h, whose programs move counts when a cgroup is removed. */
import type { KernelMap } from '../decoder/maps.ts';
import type { MapLayout } from '../schema/manifest.ts';
import { keyCgroup } from '../schema/metrics.ts';
import type { Workload } from '../sdk/container.ts';

type AnyMap = KernelMap<unknown, unknown>;
/** The maps of a loaded object. */
export interface MapReader {
  map(name: string): AnyMap;
  /** Several as they are at one moment. */
  read(names: readonly string[]): Promise<readonly AnyMap[]>;
}
export interface MapEntry {
  readonly key: unknown;
  readonly views: readonly DataView[];
}

/** The map in which programs find the cgroups of containers and units. */
export const CONTAINER_CGROUPS = 'container_cgroups';
/** Each is a call to the thread that talks to the kernel; those that are left come at the next scrape. */
const MAX_TOLD = 1024;
/** Where global variables are, and the one that counts removals. */
const GLOBALS = '.bss';
const REMOVALS = 'cgroups_ended';
const MAX_READINGS = 5;

/** Tells the programs of one object which cgroups are those of containers and units, as far as that has changed. */
export class ContainerCgroups {
  readonly #controller: string | undefined;
  readonly #told = new Set<bigint>();

  /** @param maps those of the object */
  constructor(maps: readonly MapLayout[]) {
    this.#controller = maps.flatMap((map) => keyCgroup(map)?.controller ?? [])[0];
  }

  /** @throws SYSCALL_FAILED */
  async tell(map: AnyMap, workloads: readonly Workload[]): Promise<void> {
    const present = new Set(workloads.flatMap((workload) => cgroupOf(workload, this.#controller) ?? []));
    const gone = [...this.#told].filter((id) => !present.has(id));
    const added = [...present].filter((id) => !this.#told.has(id));
    for (const id of gone.slice(0, MAX_TOLD)) {
      await map.delete(id);
      this.#told.delete(id);
    }
    // A full map would refuse it, and what is not told goes to the parent.
    const room = map.layout.maxEntries - this.#told.size;
    for (const id of added.slice(0, Math.min(room, MAX_TOLD))) {
      await map.set(id, true);
      this.#told.add(id);
    }
  }
}

/** @param controller whose hierarchy it is of @returns inode of the container's or unit's own cgroup there */
export function cgroupOf(
  { cgroups, cgroupIds }: Pick<Workload, 'cgroups' | 'cgroupIds'>,
  controller: string | undefined,
): bigint | undefined {
  const name = controller !== undefined && controller in cgroups ? controller : 'unified';
  return cgroupIds[Object.keys(cgroups).indexOf(name)];
}

/** What one map held. */
interface MapReading {
  readonly map: AnyMap;
  readonly entries: readonly MapEntry[];
}

/**
 * The entries of maps at one moment. With counters of cgroups it is one at which no cgroup was removed: else a count that moves to the
 * parent is met twice, and the next scrape shows a counter that falls. Where cgroups are removed all the time the last reading
 * is taken.
 * @param countsCgroups whether the object has such counters
 */
export async function readSteady(
  object: Pick<MapReader, 'read'>,
  names: readonly string[],
  countsCgroups: boolean,
): Promise<MapReading[]> {
  const guard = countsCgroups ? [GLOBALS] : [];
  for (let readings = 1; ; readings++) {
    const all = await object.read([...guard, ...names, ...guard]);
    const maps = all.slice(guard.length, guard.length + names.length);
    const found = await Promise.all(maps.map(async (map) => ({ map, entries: await entriesOf(map) })));
    const [before, after] = await Promise.all(
      [all[0], all.at(-1)].map((map) => countsCgroups && removals(map)),
    );
    // What did not fit into one answer was read after the second guard.
    const now =
      maps.every(({ isWhole }) => isWhole) || !countsCgroups
        ? after
        : await removals((await object.read(guard))[0]);
    if (before === now || readings === MAX_READINGS) return found;
  }
}

async function entriesOf(map: AnyMap): Promise<MapEntry[]> {
  const entries: MapEntry[] = [];
  for await (const [key, views] of map.raw()) entries.push({ key, views });
  return entries;
}

async function removals(globals: AnyMap | undefined): Promise<unknown> {
  if (!globals) return undefined;
  for await (const [, variables] of globals.entries())
    return (variables as Readonly<Record<string, unknown>>)[REMOVALS];
  return undefined;
}
