/**
 * A budget of documents for each network device and minute. A device that flaps costs no more than that, and is not
 * forgotten: when its minute is over, or the collector is stopped, what was held back is told as one change. Devices are known by name: one that is
 * removed and made again has another index each time.
 */
import type { Clock } from '../../sdk/index.ts';

const WINDOW_SECONDS = 60;
const WINDOW_NS = BigInt(WINDOW_SECONDS) * 1_000_000_000n;
/** Of names; the one whose minute began first is forgotten. */
const MAX_WINDOWS = 1024;

interface Window<Change> {
  readonly started_ns: bigint;
  told: number;
  /** All changes that are held back, as one. */
  held: Change | undefined;
  suppressed: number;
}

interface FlapDependencies<Change> {
  /** Documents of a device in a minute; 0 means no limit. */
  readonly perMinute: number;
  readonly clock: Clock;
  /** Two changes as one. */
  merge(earlier: Change, later: Change): Change;
  /** Called for each change that is not told. */
  heldBack(device: string): void;
  /** Must not reject. @param suppressed how many changes this one stands for beside itself */
  tell(change: Change, suppressed: number): Promise<void>;
}

export class FlapGuard<Change> {
  readonly #dependencies: FlapDependencies<Change>;
  readonly #windows = new Map<string, Window<Change>>();
  /** A window each, until what it holds is told. */
  readonly #waiting = new Set<Promise<void>>();

  constructor(dependencies: FlapDependencies<Change>) {
    this.#dependencies = dependencies;
  }

  /** Tells of a change now, or when the minute of its device is over. */
  async offer(device: string, change: Change): Promise<void> {
    const { perMinute, clock, merge, heldBack, tell } = this.#dependencies;
    const now_ns = clock.boottime_ns();
    const window = this.#windowOf(device, now_ns);
    if (perMinute === 0 || (window.held === undefined && window.told < perMinute)) {
      window.told += 1;
      await tell(change, 0);
      return;
    }
    heldBack(device);
    const isFirst = window.held === undefined;
    window.held = window.held === undefined ? change : merge(window.held, change);
    window.suppressed += 1;
    if (!isFirst) return;
    const release = (): Promise<void> => this.#release(device, window);
    // The sleep is rejected when the collector is being stopped.
    const released = clock.sleep(Number(window.started_ns + WINDOW_NS - now_ns) / 1e9).then(release, release);
    this.#waiting.add(released);
    released.finally(() => this.#waiting.delete(released));
  }

  /** Resolves when all that is held back is told: at once when the collector is being stopped. */
  async ended(): Promise<void> {
    await Promise.all(this.#waiting);
  }

  async #release(device: string, window: Window<Change>): Promise<void> {
    if (this.#windows.get(device) === window) this.#windows.delete(device);
    if (window.held !== undefined) await this.#dependencies.tell(window.held, window.suppressed - 1);
  }

  #windowOf(device: string, now_ns: bigint): Window<Change> {
    const known = this.#windows.get(device);
    if (known && (known.held !== undefined || now_ns - known.started_ns < WINDOW_NS)) return known;
    const window = { started_ns: now_ns, told: 0, held: undefined, suppressed: 0 };
    // Last in the order of the map.
    this.#windows.delete(device);
    this.#windows.set(device, window);
    const [oldest = ''] = this.#windows.keys();
    if (this.#windows.size > MAX_WINDOWS) this.#windows.delete(oldest);
    return window;
  }
}
