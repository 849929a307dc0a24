/**
 * Which cgroup is whose, and how it is called: hierarchy → inode → path and entity, bounded. A cgroup that is gone is kept
 * for a while, because the victim of an OOM kill is asked for after its cgroup was removed.
 */
import { LRUCache } from 'lru-cache';
import { atMostEntries } from '../lru.ts';
import type { Entity } from './entity.ts';
import type { Cgroup } from './walk.ts';

export type CgroupRef = Pick<Cgroup, 'hierarchy' | 'inode'>;

/** What is known of one directory. */
export interface KnownCgroup {
  /** Below the root of its hierarchy. */
  readonly path: string;
  /** Undefined where it is no container's and no unit's. */
  readonly entity: Entity | undefined;
}

type Gone = LRUCache<string, CgroupRef & { readonly entity: Entity | undefined }>;

/** Directories that are gone and still have an owner: five minutes of fifty a second. */
const MAX_GONE = 16_384;
/** Those that never had one are only a name: they cost owned ones no room. */
const MAX_GONE_PLAIN = 4_096;
/** Directories that have an owner; what is beyond this number has none, and is counted. */
const MAX_OWNED = 200_000;
const MAX_PLAIN = 50_000;

export class OwnedCgroups {
  readonly #known: ReadonlyMap<number, Map<bigint, KnownCgroup>>;
  readonly #gone: Gone;
  readonly #gonePlain: Gone;
  #owned = 0;
  #plain = 0;
  #refused = 0;

  /** @param hierarchies their numbers; cgroups of others are not kept */
  constructor(hierarchies: readonly number[], keepGone_ms: number, now_ms: () => number) {
    this.#known = new Map(hierarchies.map((number) => [number, new Map()]));
    const gone = (max: number): Gone =>
      new LRUCache({
        ...atMostEntries(max),
        ttl: keepGone_ms,
        ttlResolution: 0,
        ttlAutopurge: false,
        perf: { now: now_ms },
        // Being told again that it is there is no reason to forget; evicted and expired are.
        dispose: (ref, _key, reason) => {
          if (reason === 'evict' || reason === 'expire') this.#forget(ref);
        },
      });
    this.#gone = gone(MAX_GONE);
    this.#gonePlain = gone(MAX_GONE_PLAIN);
  }

  /** Cgroups for which there was no room. */
  get refused(): number {
    return this.#refused;
  }

  get({ hierarchy, inode }: CgroupRef): KnownCgroup | undefined {
    return this.#known.get(hierarchy)?.get(inode);
  }

  inodesOf(hierarchy: number): Iterable<bigint> {
    return this.#known.get(hierarchy)?.keys() ?? [];
  }

  /**
   * @param isOwned whether it is a container's or a unit's
   * @returns whether there is room for one that is not known yet; counts it when there is not
   */
  admit({ hierarchy }: CgroupRef, isOwned: boolean): boolean {
    if (!this.#known.has(hierarchy)) return false;
    if (isOwned ? this.#owned < MAX_OWNED : this.#plain < MAX_PLAIN) return true;
    this.#refused++;
    return false;
  }

  set({ hierarchy, inode, path }: Cgroup, entity: Entity | undefined): void {
    const known = this.#known.get(hierarchy);
    if (!known) return;
    this.#count(known.get(inode), -1);
    const one = { path, entity };
    this.#count(one, 1);
    known.set(inode, one);
  }

  isGone(ref: CgroupRef): boolean {
    // Also one whose time is over and that was not purged yet.
    const find = (gone: Gone) => gone.peek(refKey(ref), { allowStale: true });
    return (find(this.#gone) ?? find(this.#gonePlain)) !== undefined;
  }

  /** The directory is gone: what is known of it is forgotten later. */
  retire({ hierarchy, inode }: CgroupRef, entity: Entity | undefined): void {
    const gone = entity ? this.#gone : this.#gonePlain;
    gone.set(refKey({ hierarchy, inode }), { hierarchy, inode, entity });
  }

  /** It has no owner any more. */
  release(ref: CgroupRef): void {
    this.#gone.delete(refKey(ref));
    this.#forget(ref);
  }

  /** Forgets what has been gone for long enough. */
  purge(): void {
    this.#gone.purgeStale();
    this.#gonePlain.purgeStale();
  }

  get hasGone(): boolean {
    return this.#gone.size + this.#gonePlain.size > 0;
  }

  /** Entities that have nothing left but cgroups that are gone. */
  countGone(): number {
    const gone = [...this.#gone.values()].flatMap(({ entity }) => (entity?.isEmpty ? [entity] : []));
    return new Set(gone).size;
  }

  #forget({ hierarchy, inode }: CgroupRef): void {
    const known = this.#known.get(hierarchy);
    this.#count(known?.get(inode), -1);
    known?.delete(inode);
  }

  #count(one: KnownCgroup | undefined, step: number): void {
    if (one?.entity) this.#owned += step;
    else if (one) this.#plain += step;
  }
}

function refKey({ hierarchy, inode }: CgroupRef): string {
  return `${hierarchy} ${inode}`;
}
