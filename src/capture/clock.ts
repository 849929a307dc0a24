/** The time an engine lives in; a test puts its own in its place. */
import { setTimeout as sleep } from 'node:timers/promises';
import { boottime_ns } from '../actor/clock.ts';
import { HuatuoError } from '../error.ts';

export interface EngineClock {
  /** CLOCK_BOOTTIME. */
  boottime_ns(): bigint;
  /** Resolves after this time, or when the signal aborts. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: EngineClock = {
  boottime_ns,
  sleep: (seconds, signal) => sleep(seconds * 1000, undefined, { signal }).catch(() => undefined),
};

/** CPU time of this thread since it began. */
export function usedCpu_us(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/**
 * Bounds a piece of work.
 * @param work is told by its signal when its time is up, or `stop` aborts; what comes of it after that is dropped
 * @throws DEADLINE_EXCEEDED, CANCELLED, or what the work throws
 */
export async function within<T>(
  seconds: number,
  what: string,
  { clock, stop }: { readonly clock: EngineClock; readonly stop: AbortSignal },
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const late = clock.sleep(seconds, AbortSignal.any([stop, end.signal])).then(() => {
    if (stop.aborted)
      throw new HuatuoError('CANCELLED', { found: `${what} was not finished`, remedy: 'none is needed' });
    throw new HuatuoError('DEADLINE_EXCEEDED', {
      found: `${what} was not finished after ${seconds} s`,
      remedy: 'see what it waits for',
    });
  });
  try {
    return await Promise.race([(async () => work(AbortSignal.any([stop, end.signal])))(), late]);
  } finally {
    end.abort();
    // Ends the wait of a race that the work has won.
    late.catch(() => undefined);
  }
}
