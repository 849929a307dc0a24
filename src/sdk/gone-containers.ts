/**
 * Containers and units that have ended and still have series: what one counted last must be seen once more after its end, so
 * its series go when a scrape has shown them since then, and `containers.keep_gone` has passed.
 *
 *   running ──► ended ──► first scrape that finds it ended ── keep_gone ──► over
 *                         shows its series                                  the next scrape drops them
 */
export class GoneContainers {
  readonly #keep_ms: number;
  readonly #now_ms: () => number;
  #at_ms = 0;
  #running: ReadonlySet<string> = new Set();
  /** When a scrape first found it ended; of those that were asked for at the last scrape, and at this one. */
  #since = new Map<string, number>();
  #next = new Map<string, number>();

  /**
   * @param keep_ms `containers.keep_gone`
   * @param now_ms monotonic clock in milliseconds; for tests
   */
  constructor(keep_ms: number, now_ms: () => number = () => performance.now()) {
    this.#keep_ms = keep_ms;
    this.#now_ms = now_ms;
  }

  /** A scrape begins. @param running ids of the containers and units that run */
  begin(running: Iterable<string>): void {
    this.#at_ms = this.#now_ms();
    this.#running = new Set(running);
    this.#since = this.#next;
    this.#next = new Map();
  }

  /** Whether its series have been shown for long enough. To be asked at each scrape, while there are any. */
  isOver(id: string): boolean {
    if (this.#running.has(id)) return false;
    const since_ms = this.#next.get(id) ?? this.#since.get(id) ?? this.#at_ms;
    this.#next.set(id, since_ms);
    return this.#at_ms - since_ms > this.#keep_ms;
  }
}
