import { HuatuoError } from './error.ts';

/**
 * Joins calls with the same key that come while one is running: they get its result. So a client that asks faster than
 * the answer can be made, or a thread that never answers, costs one call and not one for each request.
 * @param start makes the result; called again as soon as the previous call has settled
 */
export function shareInFlight<T>(start: (key: string) => Promise<T>): (key?: string) => Promise<T> {
  const running = new Map<string, Promise<T>>();
  return (key = '') => {
    const joined = running.get(key);
    if (joined) return joined;
    const call = start(key).finally(() => running.delete(key));
    running.set(key, call);
    return call;
  };
}

/**
 * Bounds a wait.
 * @param what names the call in the error: `stop of collector oom`
 * @returns the promise's result, or rejects with DEADLINE_EXCEEDED after `milliseconds`; the call itself goes on, and
 * what it returns or throws later is dropped
 */
export async function withDeadline<T>(
  promise: PromiseLike<T>,
  milliseconds: number,
  what: string,
  remedy = 'the other thread hangs or is gone; it is restarted by its supervisor',
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const found = `no answer to ${what} after ${milliseconds} ms`;
      reject(
        new HuatuoError('DEADLINE_EXCEEDED', {
          found,
          remedy,
        }),
      );
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Bounds a wait.
 * @returns the promise's result
 * @throws the signal's reason as soon as it is aborted; the work itself goes on, and what it returns or throws later is dropped
 */
export async function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** @returns undefined when the signal was aborted and the work has not ended `grace_ms` later */
export async function unlessStopped<T>(
  work: Promise<T>,
  signal: AbortSignal,
  grace_ms: number,
): Promise<T | undefined> {
  const stopped = Promise.withResolvers<undefined>();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => stopped.resolve(undefined), grace_ms);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

/** @returns runs what it is given, so many at a time; the others wait for their turn */
export function limitConcurrency(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
