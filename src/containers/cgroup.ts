/**
 * The containers of this host, from the cgroup tree alone: no runtime has to be asked, and none can be down.
 *
 *   byCgroupId(id)  live ──► gone (5 min) ──► known stranger ──► scan, at most once a second ──► remember the stranger
 *
 * An event of a container that was just killed is read after its cgroup is gone, hence the second step. Most ids that
 * are asked for belong to the host, hence the third.
 */
import { LRUCache } from 'lru-cache';
import type { Containers, Log } from '../sdk/context.ts';
import type { Container } from './container.ts';
import { type Scan, scanCgroups } from './scan.ts';

const LIST_AGE_MS = 5_000;
const MISS_AGE_MS = 1_000;
const GONE_MS = 5 * 60_000;
/** Cgroups, not containers: about a thousand containers with a directory in each of seven hierarchies. */
const MAX_GONE = 8_192;
const MAX_STRANGERS = 16_384;

export interface CgroupContainersOptions {
  /** Mount point of procfs. */
  readonly procfs: string;
  /** Gets failed and truncated scans: the first of a row. */
  readonly log: Pick<Log, 'warn'>;
  /** Monotonic clock in milliseconds; for tests. */
  readonly now_ms?: () => number;
}

export class CgroupContainers implements Containers {
  readonly #procfs: string;
  readonly #log: Pick<Log, 'warn'>;
  readonly #now_ms: () => number;
  /** Cgroups of containers that vanished, by controller and inode. */
  readonly #gone: LRUCache<string, Container>;
  readonly #strangers = new LRUCache<string, true>({ max: MAX_STRANGERS });
  #scan: Scan = { containers: [], owners: new Map(), truncated: [] };
  #scanned_ms = Number.NEGATIVE_INFINITY;
  #complaint = '';

  /** Reads nothing before the first question. */
  constructor({ procfs, log, now_ms = () => performance.now() }: CgroupContainersOptions) {
    this.#procfs = procfs;
    this.#log = log;
    this.#now_ms = now_ms;
    this.#gone = new LRUCache({ max: MAX_GONE, ttl: GONE_MS, ttlResolution: 0, perf: { now: now_ms } });
  }

  /** The running containers, at most 5 s old; those of the last good reading when the tree cannot be read. */
  list(): readonly Container[] {
    this.#rescan(LIST_AGE_MS);
    return this.#scan.containers;
  }

  /**
   * The innermost container that owns this cgroup or one of its parents, also for 5 minutes after it vanished.
   * @param cgroupId inode of a cgroup directory
   * @param controller whose hierarchy the id is from (`memory`, `cpu`, …). Without it, an id that stands for different
   * containers in different v1 hierarchies is nobody's; with cgroup v2 it makes no difference.
   * @returns undefined for the host's cgroups, and up to one second for those of a container that just started
   */
  byCgroupId(cgroupId: bigint, controller?: string): Container | undefined {
    const known = this.#find(cgroupId, controller);
    const stranger = `${controller ?? ''} ${cgroupId}`;
    if (known || this.#strangers.get(stranger)) return known;
    if (!this.#rescan(MISS_AGE_MS)) return undefined;
    const found = this.#find(cgroupId, controller);
    // A cgroup keeps its place and its id for life, so one that was there and was nobody's stays that.
    if (!found) this.#strangers.set(stranger, true);
    return found;
  }

  #find(cgroupId: bigint, controller: string | undefined): Container | undefined {
    const { owners } = this.#scan;
    if (controller !== undefined)
      return this.#owner(owners.has(controller) ? controller : 'unified', cgroupId);
    const found = [...owners.keys()].flatMap((one) => this.#owner(one, cgroupId) ?? []);
    return found.every(({ id }) => id === found[0]?.id) ? found[0] : undefined;
  }

  #owner(controller: string, cgroupId: bigint): Container | undefined {
    return this.#scan.owners.get(controller)?.get(cgroupId) ?? this.#gone.get(`${controller} ${cgroupId}`);
  }

  /** Reads the tree again unless that was tried less than `age_ms` ago; true when it was read now. */
  #rescan(age_ms: number): boolean {
    const now_ms = this.#now_ms();
    if (now_ms - this.#scanned_ms < age_ms) return false;
    this.#scanned_ms = now_ms;
    try {
      const former = this.#scan;
      this.#scan = scanCgroups(this.#procfs);
      this.#keepGone(former);
      const { truncated } = this.#scan;
      this.#complain(
        truncated.length > 0 ? `too many or too deep cgroups below ${truncated.join(' and ')}` : '',
      );
      return true;
    } catch (error) {
      this.#complain((error as Error).message);
      return false;
    }
  }

  #keepGone({ owners }: Scan): void {
    for (const [controller, former] of owners) {
      const live = this.#scan.owners.get(controller);
      for (const [inode, container] of former)
        if (!live?.has(inode)) this.#gone.set(`${controller} ${inode}`, container);
    }
  }

  #complain(complaint: string): void {
    if (complaint !== '' && complaint !== this.#complaint)
      this.#log.warn('containers are not fully known', { reason: complaint });
    this.#complaint = complaint;
  }
}
