/** Repeated log lines cost a disk full of nothing: each is written once for an interval, with how often it came. */
import { LRUCache } from 'lru-cache';
import type { Log } from './sdk/context.ts';

/** Different lines that are watched at once; the least recent one is summarised early when there are more. */
const MAX_KEYS = 256;

export interface LimitedLog extends Log, Disposable {}

interface Repeats {
  readonly level: keyof Log;
  readonly message: string;
  suppressed: number;
  /** Of the newest repetition. */
  detail: object | undefined;
}

/**
 * A view of `log` in which a line (level and message; the detail may differ) appears at once when it is new and after that
 * only as a summary, at the end of each interval in which it was repeated: the newest one's detail, with `suppressed: 41`. The summary of
 * what came last is the last. A line that was
 * not repeated for a whole interval is new again.
 *
 * Dispose it to write the last summaries and to stop the clock, which does not keep the process alive.
 */
export function limitRepeats(log: Log, options: { readonly interval_ms: number }): LimitedLog {
  const summarise = ({ level, message, suppressed, detail }: Repeats): void => {
    if (suppressed > 0) log[level](message, { ...detail, suppressed });
  };
  const seen = new LRUCache<string, Repeats>({ max: MAX_KEYS, dispose: summarise });
  const tick = (): void => {
    for (const key of [...seen.rkeys()]) {
      const repeats = seen.peek(key);
      if (!repeats) continue;
      if (repeats.suppressed === 0) seen.delete(key);
      summarise(repeats);
      repeats.suppressed = 0;
    }
    if (seen.size > 0) return;
    clearInterval(clock);
    clock = undefined;
  };
  // Only while there are lines to watch: most threads log once in a while.
  let clock: NodeJS.Timeout | undefined;
  const write = (level: keyof Log, message: string, detail: object | undefined): void => {
    const key = `${level} ${message}`;
    const repeats = seen.get(key);
    if (repeats) {
      repeats.suppressed += 1;
      repeats.detail = detail;
      return;
    }
    seen.set(key, { level, message, suppressed: 0, detail: undefined });
    clock ??= setInterval(tick, options.interval_ms).unref();
    log[level](message, detail);
  };
  return {
    debug: (message, detail) => write('debug', message, detail),
    info: (message, detail) => write('info', message, detail),
    warn: (message, detail) => write('warn', message, detail),
    error: (message, detail) => write('error', message, detail),
    [Symbol.dispose]: () => {
      clearInterval(clock);
      seen.clear();
    },
  };
}
