/** The windows of all subjects of one collector, by key: bounded in number, length and age. */
import { type Window, type WindowSample, windowOf } from '../sdk/window.ts';

interface WindowLimits {
  /** Samples of a full window. */
  readonly size: number;
  /** An older sample says nothing any more: the agent stood still meanwhile, or the subject could not be read. */
  readonly maxAge_ns: bigint;
  /** A subject that was not sampled for this long is gone. */
  readonly keep_ns: bigint;
  readonly maxSubjects: number;
}

/** Plain data. */
export type WindowEntries<State> = readonly (readonly [
  key: string,
  samples: readonly WindowSample<State>[],
])[];

export class Windows<State> {
  readonly #limits: WindowLimits;
  readonly #samples: Map<string, readonly WindowSample<State>[]>;

  /** @param entries what `entries()` gave, of this or a former one */
  constructor(limits: WindowLimits, entries: WindowEntries<State> = []) {
    this.#limits = limits;
    this.#samples = new Map(entries);
  }

  get size(): number {
    return this.#samples.size;
  }

  /** @returns the window that ends with this sample; undefined when there are too many subjects for a new one */
  add(key: string, sample: WindowSample<State>): Window<State> | undefined {
    const { size, maxAge_ns, maxSubjects } = this.#limits;
    const known = this.#samples.get(key);
    if (!known && this.#samples.size >= maxSubjects) return undefined;
    const from_ns = sample.boottime_ns - maxAge_ns;
    const samples = [...(known ?? []), sample].slice(-size).filter((one) => one.boottime_ns >= from_ns);
    this.#samples.set(key, samples);
    return windowOf(samples, size);
  }

  /** Forgets the subjects that are gone. */
  expire(now_ns: bigint): void {
    for (const [key, samples] of this.#samples) {
      const newest = samples.at(-1);
      if (!newest || now_ns - newest.boottime_ns >= this.#limits.keep_ns) this.#samples.delete(key);
    }
  }

  entries(): WindowEntries<State> {
    return [...this.#samples];
  }
}
