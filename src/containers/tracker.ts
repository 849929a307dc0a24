/**
 * Keeps the registry true: the kernel's feed first, walks where that is not to be had or has lost something, and a look at
 * the init process of each new container.
 *
 *   with feed      drain when the kernel wakes, and before each answer; walk at the start, after a loss, every few minutes
 *   without        walk every few seconds; a cgroup is unknown only after a walk that began later than the question
 *
 * A cgroup that is unknown then may be deeper than walks go: the processes say which ones they are in.
 */
import type { HuatuoError } from '../error.ts';
import type { Hierarchy } from '../procfs/cgroup-hierarchies.ts';
import { processCgroups } from '../procfs/process-cgroups.ts';
import type { HostPaths, Log } from '../sdk/context.ts';
import { type CgroupChange, CgroupFeed } from './feed.ts';
import { InitObserver } from './observe.ts';
import type { ContainerRegistry } from './registry.ts';
import { directoryOf, inodeOf, type Walk, walkHierarchy } from './walk.ts';

interface TrackerOptions {
  readonly registry: ContainerRegistry;
  readonly hierarchies: readonly Hierarchy[];
  readonly paths: HostPaths;
  /** An open feed, or why there is none; absent where none was asked for. */
  readonly feed?: CgroupFeed | HuatuoError;
  readonly log: Log;
}

/** How the tree is followed. */
type Following = { readonly by: 'tracepoints' } | { readonly by: 'walks'; readonly reason?: HuatuoError };

const WALK_EVERY_MS = 5_000;
/** Between two walks, however many ask. */
const WALK_REST_MS = 1_000;
const RECONCILE_EVERY_MS = 5 * 60_000;
/** A look reads a file of each process; what it did not find the last time is mostly gone. */
const PROCESSES_REST_MS = 5_000;
/** A program at work on a record needs microseconds; this is for when its CPU was taken away. */
const BUSY_TRIES = 1000;
/** Until the end of the process that stands for a container without an init is noticed. */
const SUBSTITUTES_MS = 5_000;

export class CgroupTracker implements Disposable {
  readonly #options: TrackerOptions;
  readonly #feed: CgroupFeed | undefined;
  readonly following: Following;
  #walked_ms = Number.NEGATIVE_INFINITY;
  /** The feed has lost records since the newest walk. */
  #hasLost = false;
  #looked_ms = Number.NEGATIVE_INFINITY;
  /** It was asked for a look too early. */
  #owesLook = false;
  #complaint = '';
  #updated_ms = Number.NEGATIVE_INFINITY;
  readonly #observer: InitObserver;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#observer = new InitObserver(options.registry, options.paths.procfs);
    const { feed } = options;
    this.#feed = feed instanceof CgroupFeed ? feed : undefined;
    this.following =
      feed instanceof CgroupFeed ? { by: 'tracepoints' } : { by: 'walks', ...(feed && { reason: feed }) };
    // What a ring that is taken over holds is older than the walk, which corrects it if some of it was lost.
    this.#drain();
    // After the programs are attached: what is made during the walk is in the ring.
    this.walk();
  }

  /** What the newest walk could not read or had to leave out; empty when all is known. */
  get complaint(): string {
    return this.#complaint;
  }

  /** Something of what has happened could not be taken in yet: `update` again soon. */
  get isBusy(): boolean {
    return this.#feed?.isEmpty === false || this.#observer.isLooking;
  }

  /** Milliseconds until the tree is to be walked, or the processes are to be looked at. */
  get nextWalkIn_ms(): number {
    const look_ms = this.#owesLook ? this.#looked_ms + PROCESSES_REST_MS : Number.POSITIVE_INFINITY;
    const tick_ms = this.#observer.hasSubstitutes
      ? this.#updated_ms + SUBSTITUTES_MS
      : Number.POSITIVE_INFINITY;
    return Math.max(0, Math.min(this.#walked_ms + this.#walkEvery_ms, look_ms, tick_ms) - performance.now());
  }

  /** Takes in what has happened; walks when it is time to. */
  update(): void {
    this.#updated_ms = performance.now();
    this.#drain();
    this.#walkIfOlderThan(this.#walkEvery_ms);
    this.#observer.tick();
    if (this.#owesLook) this.lookAtProcesses();
  }

  /**
   * Brings the registry up to a moment.
   * @param asked_ms of `performance.now()`
   * @returns true when it is: a cgroup that is unknown now is in no place that walks reach. False: ask again later
   */
  catchUp(asked_ms: number): boolean {
    const isDrained = this.#drain();
    if (this.#feed && !this.#hasLost) return isDrained;
    this.#walkIfOlderThan(WALK_REST_MS);
    return this.#walked_ms >= asked_ms;
  }

  /** Takes in the cgroups that processes are in, wherever in the tree those are; at most every five seconds, then in an update. */
  lookAtProcesses(): void {
    this.#owesLook = performance.now() - this.#looked_ms < PROCESSES_REST_MS;
    if (this.#owesLook) return;
    this.#looked_ms = performance.now();
    const { hierarchies, paths, registry } = this.#options;
    const byNumber = new Map(hierarchies.map((hierarchy) => [hierarchy.number, hierarchy]));
    for (const { hierarchy: number, path } of processCgroups(paths.procfs)) {
      const hierarchy = byNumber.get(number);
      const directory = hierarchy && directoryOf(hierarchy, path);
      const inode = directory === undefined ? undefined : inodeOf(directory);
      if (inode !== undefined) registry.made({ hierarchy: number, inode, path });
    }
  }

  /** A source says that these cgroups are a container's: they are looked at once more, with all below them. */
  adopt(paths: readonly string[]): void {
    for (const hierarchy of this.#options.hierarchies) {
      for (const root of paths) {
        const mountPoint = directoryOf(hierarchy, root);
        if (mountPoint === undefined || inodeOf(mountPoint) === undefined) continue;
        const { found = [] } = this.#read({ ...hierarchy, mountPoint, root }) ?? {};
        for (const cgroup of found) this.#options.registry.made(cgroup);
      }
    }
  }

  /** Reads all hierarchies; keeps what it knows of one that cannot be read, and of what is behind a bound. */
  walk(): void {
    const { hierarchies, registry } = this.#options;
    this.#walked_ms = performance.now();
    this.#hasLost = false;
    const truncated: string[] = [];
    const complaints: string[] = [];
    for (const hierarchy of hierarchies) {
      const walk = this.#read(hierarchy, complaints);
      // What the feed told of stays until the feed tells that it is gone.
      if (walk?.complete === false && this.#feed) for (const cgroup of walk.found) registry.made(cgroup);
      else if (walk) registry.replace(hierarchy.number, walk.found);
      if (walk?.complete === false) truncated.push(hierarchy.mountPoint);
      if (walk?.unreadable !== undefined) complaints.push(`cannot read ${walk.unreadable}`);
    }
    if (truncated.length > 0)
      complaints.push(`too many or too deep cgroups below ${truncated.join(' and ')}`);
    this.#complain(complaints.join('; '));
  }

  [Symbol.dispose](): void {
    this.#feed?.[Symbol.dispose]();
  }

  get #walkEvery_ms(): number {
    if (!this.#feed) return WALK_EVERY_MS;
    return this.#hasLost ? WALK_REST_MS : RECONCILE_EVERY_MS;
  }

  #walkIfOlderThan(age_ms: number): void {
    if (performance.now() - this.#walked_ms >= age_ms) this.walk();
  }

  #read(hierarchy: Hierarchy, complaints: string[] = []): Walk | undefined {
    try {
      return walkHierarchy(hierarchy);
    } catch (error) {
      complaints.push((error as Error).message);
      return undefined;
    }
  }

  /** @returns false when a program is still at work on the oldest record */
  #drain(): boolean {
    const { registry } = this.#options;
    for (let tries = 0; this.#feed && tries < BUSY_TRIES; tries++) {
      const { changes, lost, busy } = this.#feed.drain();
      for (const change of changes) {
        if (change.type === 'made') registry.made(change);
        else if (change.type === 'removed') registry.removed(change);
      }
      this.#observer.lookAt(this.#unseen(changes));
      this.#hasLost ||= lost;
      if (!busy) return true;
    }
    return false;
  }

  /** Containers that processes have joined and whose init has not been seen. */
  #unseen(changes: readonly CgroupChange[]): Set<string> {
    const { registry } = this.#options;
    const joined = changes.flatMap((change) =>
      change.type === 'joined' ? (registry.containerAt(change) ?? []) : [],
    );
    return new Set(joined.filter((id) => registry.find(id)?.initPid === undefined));
  }

  #complain(complaint: string): void {
    if (complaint !== '' && complaint !== this.#complaint)
      this.#options.log.warn('containers are not fully known', { reason: complaint });
    this.#complaint = complaint;
  }
}
