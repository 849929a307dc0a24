/** `ctx.clock` that goes on only when the test says so. */
import { HuatuoError } from '../../src/error.ts';
import type { Clock } from '../../src/sdk/context.ts';

interface Sleeper {
  readonly until_ns: bigint;
  readonly awake: PromiseWithResolvers<void>;
}

export class TestClock implements Clock {
  #now_ns: bigint;
  readonly #sleepers = new Set<Sleeper>();

  /** @param now_ns where boot time and wall time begin */
  constructor(now_ns = 1_000_000_000n) {
    this.#now_ns = now_ns;
  }

  boottime_ns(): bigint {
    return this.#now_ns;
  }

  realtime_ns(): bigint {
    return this.#now_ns;
  }

  async sleep(seconds: number): Promise<void> {
    const until_ns = this.#now_ns + BigInt(Math.round(seconds * 1e9));
    const sleeper = { until_ns, awake: Promise.withResolvers<void>() };
    this.#sleepers.add(sleeper);
    await sleeper.awake.promise;
  }

  /** Lets time pass, from one end of a sleep to the next, so a loop runs as often as it would have. */
  async advance(seconds: number): Promise<void> {
    const end_ns = this.#now_ns + BigInt(Math.round(seconds * 1e9));
    for (;;) {
      // Whoever was awakened may sleep again, or ask for something first.
      await new Promise((resolve) => setImmediate(resolve));
      const next = [...this.#sleepers].filter(({ until_ns }) => until_ns <= end_ns).sort(byEnd)[0];
      if (!next) break;
      this.#now_ns = next.until_ns;
      this.#sleepers.delete(next);
      next.awake.resolve();
    }
    this.#now_ns = end_ns;
  }

  /** Every sleep ends as it does when the collector is stopped. */
  cancel(): void {
    for (const { awake } of this.#sleepers)
      awake.reject(
        new HuatuoError('CANCELLED', { found: 'the end of the test', remedy: 'return from start()' }),
      );
    this.#sleepers.clear();
  }
}

function byEnd(a: Sleeper, b: Sleeper): number {
  return a.until_ns < b.until_ns ? -1 : 1;
}
