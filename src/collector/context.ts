/** `ctx.clock`: the kernel's clocks, and waits that end when the collector is stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { boottime_ns, realtime_ns } from '../actor/clock.ts';
import type { DocumentKind } from '../decoder/envelope.ts';
import { HuatuoError } from '../error.ts';
import type { Clock } from '../sdk/context.ts';
import type { CollectorWorkerData } from './protocol.ts';

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

/** What a collector's documents are called: from the event struct's tags; for a collector without one, its own name. */
export function documentKind(data: Pick<CollectorWorkerData, 'name' | 'kind' | 'bpf'>): DocumentKind {
  const event = data.bpf?.manifest.event;
  return {
    collector: data.name,
    tracer: event?.tracer ?? data.name,
    kind: data.kind,
    severity: event?.severity ?? 'info',
    schemaVersion: event?.schemaVersion ?? 1,
  };
}
