/** `ctx.clock`: the kernel's clocks, and waits that end when the collector is stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HuatuoError } from '../error.ts';
import { boottime_ns, realtime_ns } from '../kernel/clock.ts';
import type { Clock } from '../sdk/context.ts';

export function createClock(signal: AbortSignal): Clock {
  return {
    boottime_ns,
    realtime_ns,
    async sleep(seconds) {
      try {
        await sleep(seconds * 1000, undefined, { signal });
      } catch (cause) {
        throw new HuatuoError('CANCELLED', {
          found: 'the collector is being stopped',
          remedy: 'return from start()',
          cause,
        });
      }
    },
  };
}
