/** A flood for a long time, with a crash every few seconds: does anything grow? */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerStatus } from '../../src/web/status.ts';
import { AgentProcess } from '../support/agent.ts';
import { FLOOD_CONFIG } from '../support/flood.ts';
import { Producer } from '../support/producer.ts';
import { closedLedger } from './audit.ts';
import { FailingCollector } from './collectors.ts';
import { TIRELESS } from './crashes.ts';
import { type Footprint, footprint, slope } from './footprint.ts';

export interface EnduranceReport {
  readonly ledger: LedgerStatus;
  readonly restarts: number;
  readonly first: Footprint;
  readonly last: Footprint;
  readonly resident_bytes_per_hour: number;
  readonly anonymous_bytes_per_hour: number;
}

const CRASH_EVERY_MS = 5000;
/** Until then heaps and pools find their size, which takes minutes without any crash, too; not part of the slope. */
const WARM_UP_SHARE = 1 / 3;

export async function endure(minutes: number, progress: (line: string) => void): Promise<EnduranceReport> {
  using collector = await FailingCollector.build();
  const length_ms = minutes * 60_000;
  await using agent = await AgentProcess.start({
    collectors: collector.path,
    only: ['flood', 'runqlat', 'loadavg'],
    env: collector.env,
    deadline_ms: length_ms + 120_000,
    config: {
      supervisor: { ...TIRELESS, backoff_max: '100ms' },
      journal: { segments: 4, segment_size: '16MiB' },
      collectors: { flood: FLOOD_CONFIG },
    },
  });
  using producer = new Producer({ collector: 'flood', events: 500, every_ms: 25 });
  const samples: (readonly [hours: number, Footprint])[] = [];
  const start_ms = performance.now();
  let warm = false;
  for (let elapsed_ms = 0; elapsed_ms < length_ms; elapsed_ms = performance.now() - start_ms) {
    await sleep(CRASH_EVERY_MS);
    // Some seconds after the last crash, just before the next.
    const now = footprint(agent.pid);
    if (!warm && elapsed_ms >= length_ms * WARM_UP_SHARE) {
      warm = true;
      samples.length = 0;
    }
    samples.push([elapsed_ms / 3_600_000, now]);
    await agent.metrics();
    progress(`flood: ${Math.round(elapsed_ms / 1000)} s, ${JSON.stringify(now)}`);
    collector.fail('throw');
  }
  producer[Symbol.dispose]();
  const ledger = await closedLedger(agent, 'flood', producer.made);
  const { restarts } = await agent.actor('flood');
  const perHour = (field: keyof Footprint): number =>
    slope(samples.map(([hours, one]) => [hours, one[field]] as const));
  return {
    ledger,
    restarts,
    first: samples[0]![1],
    last: samples.at(-1)![1],
    resident_bytes_per_hour: perHour('resident_bytes'),
    anonymous_bytes_per_hour: perHour('anonymous_bytes'),
  };
}
