/**
 * Who owns which cgroup: containers and systemd units, live ones and, for a while, those that are gone. Pure: what the
 * kernel, the walks and the sources tell is put in, and what changed for the readers is taken out.
 *
 *   made, removed (feed, walk) ──► hierarchy → inode → path, entity ──► owner()
 *   observe (procfs)           ──► init process
 *   describe (sources)         ──► name, pod, labels …           takeChanges() ──► every collector
 *
 * An inode stays for a while after its directory is gone, because the victim of an OOM kill is asked for after its cgroup
 * was removed; so does the entity, which is gone with its last directory. One that comes back under the same name (`docker
 * restart`) is a new entity with processes of its own. Inode numbers are not used again: kernfs counts a generation in
 * their upper half.
 */

import type { Hierarchy } from '../procfs/cgroup-hierarchies.ts';
import { type Container, type Owner, splitCgroupId, type Unit } from '../sdk/container.ts';
import { Descriptions } from './descriptions.ts';
import { Entity, type Ownership } from './entity.ts';
import { type CgroupRef, type KnownCgroup, OwnedCgroups } from './owned-cgroups.ts';
import { recognise } from './recognise/path.ts';
import type { ContainerDetails } from './sources/source.ts';
import { UnitSeries, type UnitsConfig } from './unit-series.ts';
import type { Cgroup } from './walk.ts';

interface RegistryOptions {
  readonly hierarchies: readonly Hierarchy[];
  readonly keepGone_ms: number;
  /** Keys of labels that are kept. */
  readonly labels: readonly string[];
  /** Who may `describe`, the most trusted one first. */
  readonly sources: readonly string[];
  /** Which units have series; by default none. */
  readonly units?: UnitsConfig;
  /** Monotonic clock in milliseconds; for tests. */
  readonly now_ms?: () => number;
}

/** What readers must learn. */
interface Changes {
  /** New containers and those of which something is known now that was not. */
  readonly upserts: readonly Container[];
  /** New units with series, and those of which another cgroup is known. */
  readonly units: readonly Unit[];
  /** Ids of containers and of units with series that are gone. */
  readonly removed: readonly string[];
  /** A cgroup belongs to another owner than readers may have been told. */
  readonly reassigned: boolean;
}

const UNKNOWN: Owner = { type: 'unknown' };
/** kernfs numbers from 1, which is the root of every hierarchy, also of one this process sees a part of. */
const ROOT_INODE = 1n;
/** Cgroups that readers were told nothing of: the oldest is forgotten, and its readers go on not knowing it. */
const MAX_UNANSWERED = 4_096;

export class ContainerRegistry {
  readonly #hierarchies: ReadonlyMap<number, Hierarchy>;
  readonly #labels: readonly string[];
  readonly #cgroups: OwnedCgroups;
  readonly #descriptions: Descriptions;
  readonly #live = new Map<string, Entity>();
  #upserts = new Set<Entity>();
  #removed = new Set<string>();
  #reassigned = false;
  readonly #unanswered = new Set<string>();
  readonly #unitSeries: UnitSeries;

  constructor({
    hierarchies,
    keepGone_ms,
    labels,
    sources,
    units,
    now_ms = () => performance.now(),
  }: RegistryOptions) {
    const numbers = hierarchies.map(({ number }) => number);
    this.#hierarchies = new Map(hierarchies.map((one) => [one.number, one]));
    this.#cgroups = new OwnedCgroups(numbers, keepGone_ms, now_ms);
    this.#descriptions = new Descriptions(sources);
    this.#labels = labels;
    this.#unitSeries = new UnitSeries(units);
  }

  /** Running units with series. */
  get units(): Unit[] {
    return [...this.#live.values()].flatMap(({ unit }) => unit ?? []);
  }

  /** Running containers. */
  get containers(): Container[] {
    return [...this.#live.values()].flatMap((entity) => this.#container(entity) ?? []);
  }

  /** How many there are, for people and metrics. */
  get counts(): {
    readonly containers: number;
    readonly units: number;
    readonly units_with_series: number;
    readonly refused_units: number;
    readonly gone: number;
    readonly refused_cgroups: number;
  } {
    let containers = 0;
    for (const { ownership } of this.#live.values()) if (ownership.kind === 'container') containers++;
    return {
      containers,
      units: this.#live.size - containers,
      units_with_series: this.#unitSeries.count,
      refused_units: this.#unitSeries.refused,
      gone: this.#cgroups.countGone(),
      refused_cgroups: this.#cgroups.refused,
    };
  }

  /**
   * Whose cgroup this is; `unknown` when nothing has told of it yet.
   * @param id an inode, or one with its hierarchy in front
   * @param controller whose hierarchy it is from; without it, an id that stands for two cgroups is unknown
   */
  owner(id: bigint, controller: string | undefined): Owner {
    const refs = this.#refsOf(id, controller);
    const found = refs.flatMap((ref) => this.#cgroups.get(ref) ?? []);
    const [first] = found;
    if (!first && refs[0]?.inode === ROOT_INODE) return { type: 'host', cgroupPath: '/' };
    if (!first || found.some((other) => !isSame(first, other))) return UNKNOWN;
    const { entity, path: cgroupPath } = first;
    if (!entity) return { type: 'host', cgroupPath };
    const container = this.#container(entity);
    if (container) return { type: 'container', container };
    const userUnit = userUnitOf(cgroupPath);
    const ref = refs.find((one) => this.#cgroups.get(one) === first);
    const top = ref && entity.hasSeries ? entity.topIn(ref.hierarchy) : undefined;
    return {
      type: 'unit',
      name: entity.ownership.name,
      ...(userUnit !== undefined && { userUnit }),
      cgroupPath,
      ...(top !== undefined && { top }),
    };
  }

  /** A reader was told that this is unknown: when it is not any more, readers must ask again. */
  toldUnknown(id: bigint, controller: string | undefined): void {
    for (const ref of this.#refsOf(id, controller)) this.#unanswered.add(refKey(ref));
    for (const key of this.#unanswered) {
      if (this.#unanswered.size <= MAX_UNANSWERED) return;
      this.#unanswered.delete(key);
    }
  }

  /** A directory is there. Telling it again changes nothing. */
  made(cgroup: Cgroup): void {
    const ownership = this.#ownership(cgroup.path);
    const before = this.#cgroups.get(cgroup);
    if (!before && !this.#cgroups.admit(cgroup, ownership !== undefined)) return;
    const entity = ownership && this.#entity(ownership);
    if (before && before.entity === entity && (entity?.holds(cgroup) ?? before.path === cgroup.path)) return;
    if (before?.entity) this.#disown(before.entity, cgroup, entity);
    this.#cgroups.set(cgroup, entity);
    this.#reassigned = this.#unanswered.delete(refKey(cgroup)) || this.#reassigned;
    if (!ownership || !entity) return;
    // Two units of one name are none of systemd's: the first one has it, and the other counts as a part of that.
    const own = ownership.kind === 'unit' ? entity.ownership : ownership;
    const isTop = cgroup.path === own.path;
    entity.add(cgroup, this.#hierarchies.get(cgroup.hierarchy), isTop);
    // What is below it changes nothing that readers are told.
    if (isTop) this.#upserts.add(entity);
  }

  /** A directory is gone; who owned it stays known. */
  removed(ref: CgroupRef): void {
    const known = this.#cgroups.get(ref);
    if (!known || this.#cgroups.isGone(ref)) return;
    const { entity } = known;
    if (entity) {
      entity.remove(ref);
      this.#endIfEmpty(entity);
    }
    this.#cgroups.retire(ref, entity);
  }

  /** There are cgroups that are gone and will be forgotten. */
  get hasGone(): boolean {
    return this.#cgroups.hasGone;
  }

  /** Ids of running containers whose init has not been seen yet. */
  get unobserved(): string[] {
    return [...this.#live.values()].flatMap(({ isObserved, ownership }) =>
      isObserved ? [] : [ownership.name],
    );
  }

  /** A running container. */
  find(id: string): Container | undefined {
    const entity = this.#live.get(containerKey(id));
    return entity && this.#container(entity);
  }

  /** Id of the container that a cgroup belongs to. */
  containerAt(ref: CgroupRef): string | undefined {
    const ownership = this.#cgroups.get(ref)?.entity?.ownership;
    return ownership?.kind === 'container' ? ownership.id : undefined;
  }

  /** Facts about a running container that this host's files tell. */
  observe(id: string, seen: Pick<Container, 'initPid' | 'netnsInode' | 'startTime'>): void {
    const entity = this.#live.get(containerKey(id));
    if (!entity) return;
    entity.observe(seen);
    this.#upserts.add(entity);
  }

  /** Everything there is in one hierarchy, after a walk: what is not among it is gone. */
  replace(hierarchy: number, walked: readonly Cgroup[]): void {
    for (const cgroup of walked) this.made(cgroup);
    const there = new Set(walked.map(({ inode }) => inode));
    for (const inode of this.#cgroups.inodesOf(hierarchy))
      if (!there.has(inode)) this.removed({ hierarchy, inode });
  }

  /**
   * What one source knows now, in place of what it knew before.
   * @returns paths of cgroups that are a container's now: `made` must be told again of them and of all below them
   */
  describe(source: string, details: readonly ContainerDetails[]): readonly string[] {
    const { changed, adopted } = this.#descriptions.replace(source, details);
    const pods = new Set(changed.flatMap(({ id, of }) => (of === 'pod' ? [id] : [])));
    const entities = changed.flatMap(({ id, of }) =>
      of === 'pod' ? [] : (this.#live.get(containerKey(id)) ?? []),
    );
    for (const entity of [...entities, ...this.#entitiesOf(pods)]) {
      entity.changed();
      this.#upserts.add(entity);
    }
    // Until now they were the host's, and readers may have been told so.
    this.#reassigned ||= adopted.length > 0;
    return adopted;
  }

  /** What changed since the last call. */
  takeChanges(): Changes {
    this.#cgroups.purge();
    const upserts = [...this.#upserts].flatMap((entity) => this.#container(entity) ?? []);
    const units = [...this.#upserts].flatMap((entity) => (this.#isLive(entity) && entity.unit) || []);
    const changes = { upserts, units, removed: [...this.#removed], reassigned: this.#reassigned };
    this.#upserts = new Set();
    this.#removed = new Set();
    this.#reassigned = false;
    return changes;
  }

  #ownership(path: string): Ownership | undefined {
    const found = recognise(path);
    if (found?.kind === 'container') return { ...found, name: found.id };
    const adopter = this.#descriptions.adopter(path);
    if (!adopter) return found;
    const { id, runtime = 'unknown' } = adopter.container;
    return { kind: 'container', id, name: id, runtime, qos: 'unknown', path: adopter.path };
  }

  /** Containers of these pods. */
  #entitiesOf(pods: ReadonlySet<string>): Entity[] {
    if (pods.size === 0) return [];
    return [...this.#live.values()].filter(
      ({ ownership }) => ownership.kind === 'container' && pods.has(ownership.podUid ?? ''),
    );
  }

  /** The cgroups that an id can mean. */
  #refsOf(id: bigint, controller: string | undefined): CgroupRef[] {
    const { hierarchy, inode } = splitCgroupId(id);
    if (hierarchy !== undefined) return [{ hierarchy, inode }];
    return this.#hierarchiesOf(controller).map(({ number }) => ({ hierarchy: number, inode }));
  }

  #entity(ownership: Ownership): Entity {
    const key = keyOf(ownership);
    const known = this.#live.get(key);
    if (known) return known;
    const entity = new Entity(ownership, this.#unitSeries.admit(ownership));
    this.#live.set(key, entity);
    this.#upserts.add(entity);
    if (entity.hasSeries) this.#removed.delete(idOf(ownership));
    return entity;
  }

  #isLive(entity: Entity): boolean {
    return this.#live.get(keyOf(entity.ownership)) === entity;
  }

  #endIfEmpty(entity: Entity): void {
    const key = keyOf(entity.ownership);
    // One that came back under its name is another entity.
    if (!entity.isEmpty || this.#live.get(key) !== entity) return;
    this.#live.delete(key);
    if (entity.hasSeries) this.#removed.add(idOf(entity.ownership));
    this.#unitSeries.ended(entity);
  }

  /** The directory turned out to have another owner, or none. */
  #disown(entity: Entity, ref: CgroupRef, next: Entity | undefined): void {
    const key = keyOf(entity.ownership);
    entity.drop(ref);
    this.#cgroups.release(ref);
    this.#endIfEmpty(entity);
    if (this.#live.get(key) === entity) this.#upserts.add(entity);
    if (!next || keyOf(next.ownership) !== key) this.#reassigned = true;
  }

  #container(entity: Entity): Container | undefined {
    return entity.container((id, podUid) => this.#descriptions.of(id, podUid), this.#labels);
  }

  #hierarchiesOf(controller: string | undefined): Hierarchy[] {
    const all = [...this.#hierarchies.values()];
    if (controller === undefined) return all;
    const own = all.filter(({ controllers }) => controllers.includes(controller));
    return own.length > 0 ? own : all.filter(({ controllers }) => controllers.includes('unified'));
  }
}

function isSame(one: KnownCgroup, other: KnownCgroup): boolean {
  return one.entity === other.entity && (one.entity !== undefined || one.path === other.path);
}

function refKey({ hierarchy, inode }: CgroupRef): string {
  return `${hierarchy} ${inode}`;
}

function keyOf(ownership: Ownership): string {
  return ownership.kind === 'container' ? containerKey(ownership.id) : `unit ${ownership.name}`;
}

function idOf(ownership: Ownership): string {
  return ownership.kind === 'container' ? ownership.id : ownership.name;
}

function userUnitOf(path: string): string | undefined {
  const found = recognise(path);
  return found?.kind === 'unit' ? found.userUnit : undefined;
}

function containerKey(id: string): string {
  return `container ${id}`;
}
