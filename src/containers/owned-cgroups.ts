/**
 * Which cgroup is whose: hierarchy → inode → entity, bounded. A cgroup that is gone is kept for a while, because the victim
 * of an OOM kill is asked for after its cgroup was removed.
 */
import { LRUCache } from 'lru-cache';
import type { Entity } from './entity.ts';
import type { Cgroup } from './walk.ts';

export type CgroupRef = Pick<Cgroup, 'hierarchy' | 'inode'>;

/** Directories that are gone and still have an owner: five minutes of fifty a second. */
const MAX_GONE = 16_384;
/** Directories that have an owner; what is beyond this number has none, and is counted. */
const MAX_OWNED = 200_000;

export class OwnedCgroups {
  readonly #owners: ReadonlyMap<number, Map<bigint, Entity>>;
  readonly #gone: LRUCache<string, CgroupRef & { readonly entity: Entity }>;
  #owned = 0;
  #refused = 0;

  /** @param hierarchies their numbers; cgroups of others are not kept */
  constructor(hierarchies: readonly number[], keepGone_ms: number, now_ms: () => number) {
    this.#owners = new Map(hierarchies.map((number) => [number, new Map()]));
    this.#gone = new LRUCache({
      max: MAX_GONE,
      ttl: keepGone_ms,
      ttlResolution: 0,
      ttlAutopurge: false,
      perf: { now: now_ms },
      // Being told again that it is there is no reason to forget; evicted and expired are.
      dispose: (ref, _key, reason) => {
        if (reason === 'evict' || reason === 'expire') this.#forget(ref);
      },
    });
  }

  /** Cgroups for which there was no room. */
  get refused(): number {
    return this.#refused;
  }

  get({ hierarchy, inode }: CgroupRef): Entity | undefined {
    return this.#owners.get(hierarchy)?.get(inode);
  }

  inodesOf(hierarchy: number): Iterable<bigint> {
    return this.#owners.get(hierarchy)?.keys() ?? [];
  }

  /** @returns whether there is room for one that has no owner yet; counts it when there is not */
  admit({ hierarchy }: CgroupRef): boolean {
    if (!this.#owners.has(hierarchy)) return false;
    if (this.#owned < MAX_OWNED) return true;
    this.#refused++;
    return false;
  }

  set({ hierarchy, inode }: CgroupRef, entity: Entity): void {
    const owners = this.#owners.get(hierarchy);
    if (!owners) return;
    if (!owners.has(inode)) this.#owned++;
    owners.set(inode, entity);
  }

  /** The directory is gone: its owner is forgotten later. */
  retire({ hierarchy, inode }: CgroupRef, entity: Entity): void {
    this.#gone.set(refKey({ hierarchy, inode }), { hierarchy, inode, entity });
  }

  /** It has no owner any more. */
  release(ref: CgroupRef): void {
    this.#gone.delete(refKey(ref));
    this.#forget(ref);
  }

  /** Forgets what has been gone for long enough. */
  purge(): void {
    this.#gone.purgeStale();
  }

  get hasGone(): boolean {
    return this.#gone.size > 0;
  }

  /** Entities that have nothing left but cgroups that are gone. */
  countGone(): number {
    const gone = [...this.#gone.values()].flatMap(({ entity }) => (entity.isEmpty ? [entity] : []));
    return new Set(gone).size;
  }

  #forget({ hierarchy, inode }: CgroupRef): void {
    if (this.#owners.get(hierarchy)?.delete(inode)) this.#owned--;
  }
}

function refKey({ hierarchy, inode }: CgroupRef): string {
  return `${hierarchy} ${inode}`;
}
