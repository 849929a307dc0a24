/** Time that passes when a test says so. */
import type { EngineClock } from '../../src/capture/clock.ts';

interface Sleeper {
  readonly until_ns: bigint;
  wake(): void;
}

export class FakeClock implements EngineClock {
  #now_ns = 0n;
  readonly #sleepers = new Set<Sleeper>();

  boottime_ns(): bigint {
    return this.#now_ns;
  }

  sleep(seconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleeper: Sleeper = {
      until_ns: this.#now_ns + BigInt(Math.round(seconds * 1e9)),
      wake: () => {
        this.#sleepers.delete(sleeper);
        resolve();
      },
    };
    this.#sleepers.add(sleeper);
    signal.addEventListener('abort', sleeper.wake, { once: true });
    return promise;
  }

  /** Lets time pass; whoever sleeps until a moment in between wakes at that moment, and does what needs no time. */
  async advance(seconds: number): Promise<void> {
    const end_ns = this.#now_ns + BigInt(Math.round(seconds * 1e9));
    await settled();
    for (;;) {
      const [next] = [...this.#sleepers].toSorted((a, b) => Number(a.until_ns - b.until_ns));
      if (!next || next.until_ns > end_ns) break;
      this.#now_ns = next.until_ns;
      next.wake();
      await settled();
    }
    this.#now_ns = end_ns;
  }
}

/** Everything that waits for nothing but other promises is done by then. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
