/**
 * The network devices that are watched, as they were last, so that a message of rtnetlink, which has a whole device, becomes
 * what has changed.
 */
import type { Link } from '../../netlink/link.ts';
import type { Clock, DeviceDriver, Netlink, State } from '../../sdk/index.ts';
import { type Change, changesBetween, statusOf } from './netdev-changes.ts';
import { FlapGuard } from './netdev-flapping.ts';

/** Of devices; more are counted and not looked at. Their last state is kept over a crash of the thread, 1 MiB at most. */
const MAX_DEVICES = 1024;

export interface DeviceChange {
  readonly link: Link;
  /** As it was told of last; undefined for one that is new. */
  readonly before: Link | undefined;
  readonly changes: readonly Change[];
  /** Found by reading all devices. */
  readonly start: boolean;
  readonly driver: DeviceDriver | undefined;
}

interface HistoryDependencies {
  readonly netlink: Pick<Netlink, 'driverOf'>;
  readonly clock: Clock;
  readonly state: State;
  isWatched(device: string): boolean;
  readonly reportStart: boolean;
  readonly maxPerMinute: number;
  /** Called with each change, whether it is told or not. */
  happened(change: DeviceChange): void;
  heldBack(device: string): void;
  /** Too many devices are watched. */
  untracked(): void;
  /** Must not reject. @param suppressed changes before this one that were not told */
  tell(change: DeviceChange, suppressed: number): Promise<void>;
}

interface Device {
  readonly link: Link;
  readonly driver: DeviceDriver | undefined;
}

export class DeviceHistory {
  readonly #dependencies: HistoryDependencies;
  readonly #devices = new Map<number, Device>();
  readonly #flaps: FlapGuard<DeviceChange>;
  #isFirst = true;

  constructor(dependencies: HistoryDependencies) {
    this.#dependencies = dependencies;
    this.#flaps = new FlapGuard({
      perMinute: dependencies.maxPerMinute,
      clock: dependencies.clock,
      merge: flapped,
      heldBack: dependencies.heldBack,
      tell: dependencies.tell,
    });
  }

  /** All devices there are now: what differs from what was known has changed unseen. */
  async all(links: readonly Link[]): Promise<void> {
    const { state, reportStart, netlink } = this.#dependencies;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const earlier = isFirst ? state.get<Link[]>() : undefined;
    for (const link of earlier ?? [])
      this.#devices.set(link.index, { link, driver: await netlink.driverOf(link.name) });
    for (const link of links) {
      if (!isFirst || earlier) await this.#present(link, true);
      else if (this.#mayAdd(link)) {
        const { driver } = await this.#remember(link);
        const change = { link, driver, before: undefined, changes: statusOf(link), start: true };
        // Nothing has happened yet that would be counted.
        if (reportStart) await this.#flaps.offer(link.name, change);
      }
    }
    const indexes = new Set(links.map(({ index }) => index));
    for (const [index, device] of this.#devices)
      if (!indexes.has(index)) await this.#gone(device, 'removed', true);
    this.#keep();
  }

  async present(link: Link): Promise<void> {
    await this.#present(link, false);
  }

  async gone({ index }: Link, moved: boolean): Promise<void> {
    const device = this.#devices.get(index);
    if (device) await this.#gone(device, moved ? 'moved' : 'removed', false);
  }

  /** Resolves when all that has happened is told, which is when the collector is stopped. */
  ended(): Promise<void> {
    return this.#flaps.ended();
  }

  async #present(link: Link, start: boolean): Promise<void> {
    const known = this.#devices.get(link.index);
    if (!known && !this.#mayAdd(link)) return;
    const before = known?.link;
    const changes = changesBetween(before, link);
    const device = await this.#remember(link, known);
    // One that was renamed so that it is no longer meant is told of for the last time.
    if (!this.#dependencies.isWatched(link.name)) this.#devices.delete(link.index);
    if (changes.length > 0) await this.#change(device, { before, changes, start });
  }

  async #gone({ link, driver }: Device, change: Change, start: boolean): Promise<void> {
    this.#devices.delete(link.index);
    await this.#change({ link, driver }, { before: link, changes: [change], start });
  }

  #mayAdd({ name }: Link): boolean {
    const { isWatched, untracked } = this.#dependencies;
    if (!isWatched(name)) return false;
    if (this.#devices.size < MAX_DEVICES) return true;
    untracked();
    return false;
  }

  async #remember(link: Link, known?: Device): Promise<Device> {
    const driver = known?.driver ?? (await this.#dependencies.netlink.driverOf(link.name));
    const device = { link, driver };
    this.#devices.set(link.index, device);
    return device;
  }

  async #change(
    { link, driver }: Device,
    what: Pick<DeviceChange, 'before' | 'changes' | 'start'>,
  ): Promise<void> {
    const change: DeviceChange = { ...what, link, driver };
    this.#dependencies.happened(change);
    this.#keep();
    await this.#flaps.offer(link.name, change);
  }

  #keep(): void {
    this.#dependencies.state.set(Array.from(this.#devices.values(), ({ link }) => link));
  }
}

/** From before the earlier change to behind the later one: a device that came back as it was has only flapped. */
function flapped({ before }: DeviceChange, later: DeviceChange): DeviceChange {
  const isGone = later.changes.includes('removed') || later.changes.includes('moved');
  const changes = isGone ? later.changes : changesBetween(before, later.link);
  return { ...later, before, changes: [...changes.filter((change) => change !== 'flapping'), 'flapping'] };
}
