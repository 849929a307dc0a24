/**
 * Every collector, a flood, a scrape each second and a crash every few seconds, for a long time: does anything grow, and in which
 * part of the process?
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import type { LedgerStatus } from '../../src/web/status.ts';
import { AgentProcess } from '../support/agent.ts';
import { FLOOD_CONFIG } from '../support/flood.ts';
import { Producer } from '../support/producer.ts';
import { closedLedger } from './audit.ts';
import { FailingCollector } from './collectors.ts';
import { TIRELESS } from './crashes.ts';
import { footprint, type Trend, trend } from './footprint.ts';
import { residentPartsOf } from './resident.ts';

/** Bytes or a number, by what they are of: `RSS`, `malloc`, `fds`, `heap of oom`, `external of oom`. */
type Sizes = Readonly<Record<string, number>>;

/** What one part of the process did after the warm-up; the trend is per hour. */
export interface PartGrowth extends Trend {
  readonly part: string;
  readonly first: number;
  readonly last: number;
}

interface EnduranceReport {
  readonly ledger: LedgerStatus;
  readonly restarts: number;
  readonly collectors: number;
  readonly scrapes: number;
  readonly parts: readonly PartGrowth[];
}

const SCRAPE_EVERY_MS = 1000;
const SCRAPES_PER_CRASH = 5;
/** Until then heaps and pools find their size, which takes minutes without any crash, too; not part of the slope. */
const WARM_UP_SHARE = 1 / 3;

export async function endure(minutes: number, progress: (line: string) => void): Promise<EnduranceReport> {
  using collector = await FailingCollector.build();
  const { entries } = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [collector.path] });
  const length_ms = minutes * 60_000;
  await using agent = await AgentProcess.start({
    collectors: collector.path,
    only: entries.map(({ name }) => name),
    env: collector.env,
    deadline_ms: length_ms + 120_000,
    config: {
      supervisor: { ...TIRELESS, backoff_max: '100ms' },
      journal: { segments: 4, segment_size: '16MiB' },
      collectors: { flood: FLOOD_CONFIG },
    },
  });
  using producer = new Producer({ collector: 'flood', events: 500, every_ms: 25 });
  const samples: (readonly [hours: number, Sizes])[] = [];
  const start_ms = performance.now();
  let scrapes = 0;
  for (let elapsed_ms = 0; elapsed_ms < length_ms; elapsed_ms = performance.now() - start_ms) {
    await sleep(SCRAPE_EVERY_MS);
    await agent.metrics();
    scrapes += 1;
    if (scrapes % SCRAPES_PER_CRASH !== 0) continue;
    // Some seconds after the last crash, just before the next.
    const now = await sizes(agent);
    if (elapsed_ms >= length_ms * WARM_UP_SHARE) samples.push([elapsed_ms / 3_600_000, now]);
    progress(`flood: ${Math.round(elapsed_ms / 1000)} s, ${JSON.stringify(now)}`);
    collector.fail('throw');
  }
  producer[Symbol.dispose]();
  const ledger = await closedLedger(agent, 'flood', producer.made);
  const { restarts } = await agent.actor('flood');
  return { ledger, restarts, collectors: entries.length, scrapes, parts: growthOf(samples) };
}

async function sizes(agent: AgentProcess): Promise<Sizes> {
  const { actors } = await agent.status();
  const { resident_bytes, fds, threads } = footprint(agent.pid);
  const parts = residentPartsOf(agent.pid);
  const ofActors = actors.flatMap(({ name, vitals }) => [
    [`heap of ${name}`, vitals?.heap_bytes] as const,
    [`external of ${name}`, vitals?.external_bytes] as const,
  ]);
  return {
    RSS: resident_bytes,
    'mapped files': parts.files_bytes,
    malloc: parts.malloc_bytes,
    arenas: parts.arenas_bytes,
    'BPF maps': parts.bpf_maps_bytes,
    anonymous: parts.anonymous_bytes,
    fds,
    threads,
    ...Object.fromEntries(ofActors.filter(([, bytes]) => bytes !== undefined)),
  };
}

/** Those parts that every sample has. */
function growthOf(samples: readonly (readonly [hours: number, Sizes])[]): PartGrowth[] {
  const [, first = {}] = samples[0] ?? [];
  const [, last = {}] = samples.at(-1) ?? [];
  return Object.keys(first).flatMap((part) => {
    const points = samples.map(([hours, all]) => [hours, all[part] ?? Number.NaN] as const);
    if (points.some(([, value]) => Number.isNaN(value))) return [];
    return [{ part, first: first[part] ?? 0, last: last[part] ?? 0, ...trend(points) }];
  });
}
