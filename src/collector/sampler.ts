/** The sampling clock of a metric collector with a worker of its own: keeps its newest two samples. */
import { boottime_ns } from '../actor/clock.ts';

const MIN_EVERY_SECONDS = 1;

interface Sample {
  readonly boottime_ns: bigint;
  readonly state: unknown;
}

export class Sampler {
  readonly #take: () => Promise<unknown>;
  #samples: readonly Sample[] = [];
  #error: unknown;
  #busy = false;

  /** Takes the first sample at once; ends with `signal`. */
  constructor(every_seconds: number, take: () => Promise<unknown>, signal: AbortSignal) {
    this.#take = take;
    const clock = setInterval(() => this.#sample(), Math.max(every_seconds, MIN_EVERY_SECONDS) * 1000);
    signal.addEventListener('abort', () => clearInterval(clock), { once: true });
    void this.#sample();
  }

  /** Older first. @throws the failure of the newest one: its last values must not be shown for ever */
  get samples(): readonly Sample[] {
    if (this.#error !== undefined) throw this.#error;
    return this.#samples;
  }

  async #sample(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const taken_ns = boottime_ns();
    try {
      const state = await this.#take();
      this.#samples = [...this.#samples.slice(-1), { boottime_ns: taken_ns, state }];
      this.#error = undefined;
    } catch (error) {
      // A gap in the samples must not become a rate over a longer time.
      this.#samples = [];
      this.#error = error;
    } finally {
      this.#busy = false;
    }
  }
}
