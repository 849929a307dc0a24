/** What was sampled of one subject lately: what the trigger of an autotracer decides by. */

export interface WindowSample<State> {
  /** CLOCK_BOOTTIME of the sample. */
  readonly boottime_ns: bigint;
  readonly state: State;
}

export interface Window<State> {
  /** All of them, oldest first; at least one. */
  readonly samples: readonly WindowSample<State>[];
  readonly oldest: WindowSample<State>;
  readonly newest: WindowSample<State>;
  /** It has as many samples as the option `window` asks for; before that, its oldest sample is not as old as the user wants. */
  readonly full: boolean;
  /** Seconds from the oldest sample to the newest. */
  readonly seconds: number;
}

/**
 * @param samples oldest first
 * @param size of a full window
 * @returns undefined without samples
 */
export function windowOf<State>(
  samples: readonly WindowSample<State>[],
  size: number,
): Window<State> | undefined {
  const [oldest] = samples;
  const newest = samples.at(-1);
  if (!oldest || !newest) return undefined;
  const seconds = Number(newest.boottime_ns - oldest.boottime_ns) / 1e9;
  return { samples, oldest, newest, full: samples.length >= size, seconds };
}
