/** The parts of the soak in their long versions, and what of their reports goes into the table. */
import { atMost, median, type Row } from '../bench/report.ts';
import { findServer } from '../support/search-server/server.ts';
import { crashUnderFlood, TIRELESS } from './crashes.ts';
import { endure, type PartGrowth } from './endurance.ts';
import { type Footprint, slope } from './footprint.ts';
import { freezeJournal } from './frozen-journal.ts';
import { type Fence, overloadOne } from './isolation.ts';
import { LoopDisk } from './loop-disk.ts';
import { crashesOfAgent, type Growth, livesOfWorkers } from './memory.ts';
import { killPinned } from './pinned.ts';
import { killWhileShipping } from './shipping.ts';
import { killUnderFlood } from './sigkill.ts';
import { quiet, troubles } from './tracer-parts.ts';

export interface SoakOptions {
  /** Of the parts that take as long as they are told. */
  readonly minutes?: number;
  readonly progress: (line: string) => void;
}

type Part = (options: SoakOptions) => Promise<Row[]>;

const GOAL_RESTART_MS = 250;
const MEMORY_EVERY = 100;
const FROZEN_SECONDS = 60;
const FLOOD_MINUTES = 30;

export const PARTS: Readonly<Record<string, Part>> = {
  crashes,
  sigkill,
  pinned,
  isolation,
  memory,
  frozen,
  flood,
  shipping,
  quiet,
  troubles,
};

async function crashes({ progress }: SoakOptions): Promise<Row[]> {
  const tireless = await crashUnderFlood(200, TIRELESS);
  progress('crashes: first restarts with the default configuration');
  const first_ms: number[] = [];
  for (let agent = 0; agent < 5; agent++) first_ms.push(...(await crashUnderFlood(1, {})).reading_ms);
  const reading = median(tireless.reading_ms);
  return [
    {
      name: 'crashes, worker’s end to next "running"',
      measured: spread(tireless.running_ms),
      verdict: 'info',
    },
    {
      name: 'crashes, worker’s end to next batch read',
      measured: spread(tireless.reading_ms),
      goal: `median ≤ ${GOAL_RESTART_MS} ms`,
      ...atMost(reading, GOAL_RESTART_MS),
    },
    {
      name: 'crashes, first restart, default configuration',
      measured: spread(first_ms),
      goal: `median ≤ ${GOAL_RESTART_MS} ms`,
      ...atMost(median(first_ms), GOAL_RESTART_MS),
    },
    kept('crashes, events', `${tireless.events} on disk, ${tireless.repeated} twice, none lost`),
  ];
}

async function sigkill(): Promise<Row[]> {
  const { ready_ms, documents, acknowledged } = await killUnderFlood(200);
  return [
    { name: 'sigkill, start to ready', measured: spread(ready_ms), verdict: 'info' },
    kept(
      'sigkill, documents',
      `${acknowledged} acknowledged, ${documents} on disk, every torn tail repaired`,
    ),
  ];
}

async function pinned(): Promise<Row[]> {
  const { events, between, repeated, most_copies } = await killPinned(50);
  const copies = `${repeated} more than once (at most ${most_copies} times)`;
  return [kept('pinned, events', `${events} on disk, ${between} of them made without an agent; ${copies}`)];
}

async function shipping({ progress }: SoakOptions): Promise<Row[]> {
  const found = await findServer('elasticsearch-8');
  if ('missing' in found) return [{ name: 'shipping', measured: found.missing, verdict: 'skipped' }];
  const { rounds, agentKills, serverKills, rollovers, events } = await killWhileShipping(60, found, progress);
  const kills = `${rounds} rounds, ${agentKills} kills of the agent, ${serverKills} of Elasticsearch, ${rollovers} rollovers`;
  return [kept('shipping, events', `${kills}: ${events} in the journal, each once in the index`)];
}

async function isolation(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const fence of ['measured', 'kernel'] satisfies Fence[]) {
    const { noisy, quiet, throttled_seconds, idle_ms, loaded_ms } = await overloadOne(fence);
    rows.push(
      kept(
        `isolation, quota kept by ${fence === 'kernel' ? 'the kernel' : 'the agent'}`,
        `noisy: ${noisy.journalled} of ${noisy.produced} written, ${noisy.rate_limited} sampled out, ` +
          `${noisy.dropped_ring_full} ring full, throttled ${throttled_seconds.toFixed(1)} s; ` +
          `neighbour: ${quiet.journalled} of ${quiet.produced}`,
      ),
      {
        name: `isolation, scrapes beside it (${fence})`,
        measured: `${spread(loaded_ms)}; without load ${spread(idle_ms)}`,
        ratio: median(loaded_ms) / median(idle_ms),
        verdict: 'info',
      },
    );
  }
  return rows;
}

/** Until then heaps and pools find their size. */
const WARM_UP_CRASHES = 200;

async function memory({ progress }: SoakOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const kind of ['bare', 'koffi', 'modules']) {
    progress(`memory: ${kind} workers`);
    rows.push(growthRow(`memory, ${kind} worker`, await livesOfWorkers(kind, 1000, MEMORY_EVERY)));
  }
  progress('memory: the agent');
  const growth = await crashesOfAgent(WARM_UP_CRASHES + 1000, MEMORY_EVERY);
  const points = growth
    .slice(WARM_UP_CRASHES / MEMORY_EVERY)
    .map(({ resident_bytes }, index) => [index * MEMORY_EVERY, resident_bytes] as const);
  const bytes = 1000 * slope(points);
  rows.push(growthRow('memory, crashed collector', growth), {
    name: 'memory, 1,000 crashes',
    measured: `RSS ${megabytes(bytes)} MB, as the slope through eleven points`,
    goal: '≤ 20 MB',
    ...atMost(bytes, 20e6),
  });
  return rows;
}

async function frozen(): Promise<Row[]> {
  const disk = LoopDisk.make();
  if (typeof disk === 'string') return [{ name: 'frozen', measured: disk, verdict: 'skipped' }];
  using _ = disk;
  const { seen_ms, recovered_ms, meanwhile, events, scrapes, repeated } = await freezeJournal(
    disk,
    FROZEN_SECONDS,
  );
  return [
    {
      name: 'frozen, hang seen after',
      measured: `${(seen_ms / 1000).toFixed(1)} s`,
      goal: '≤ 10 s',
      ...atMost(seen_ms, 10_000),
    },
    kept(
      `frozen for ${FROZEN_SECONDS} s, events`,
      `${meanwhile} of ${events} made meanwhile, all on disk ${(recovered_ms / 1000).toFixed(1)} s after the thaw, ` +
        `${repeated} twice; ${scrapes} scrapes answered`,
    ),
  ];
}

async function flood({ minutes = FLOOD_MINUTES, progress }: SoakOptions): Promise<Row[]> {
  const { ledger, restarts, collectors, scrapes, parts } = await endure(minutes, progress);
  return [
    {
      name: `flood for ${minutes} min`,
      measured: `${collectors} collectors, ${scrapes} scrapes, ${restarts} crashes`,
      verdict: 'info',
    },
    ...parts.filter(isOfProcess).map(partRow),
    // What does not stand out of its noise is not told apart from standing still.
    ...parts.filter((part) => !isOfProcess(part) && part.slope > 2 * part.error).map(partRow),
    {
      name: `flood for ${minutes} min, events`,
      measured: `${ledger.produced} produced, ${ledger.journalled} written, ${ledger.dropped_ring_full} ring full`,
      goal: 'difference 0',
      verdict: ledger.difference === '0' ? 'met' : 'missed',
    },
  ];
}

function isOfProcess({ part }: PartGrowth): boolean {
  return !part.includes(' of ');
}

function partRow({ part, first, last, slope: perHour, error }: PartGrowth): Row {
  const isCount = part === 'fds' || part === 'threads';
  const shown = (value: number): string => (isCount ? value.toFixed(1) : `${megabytes(value)} MB`);
  return {
    name: `flood, ${part}`,
    measured: `${shown(first)}, at the end ${shown(last)}; ${shown(perHour)}/h ± ${shown(error)}`,
    verdict: 'info',
  };
}

/** A part whose scenario has checked everything on its way: that it came to its end is the result. */
function kept(name: string, measured: string): Row {
  return { name, measured, goal: 'nothing lost, ledger closed', verdict: 'met' };
}

/** The first range is not counted. */
function growthRow(name: string, growth: Growth): Row {
  const [, warm, ...rest] = growth;
  const last = rest.at(-1)!;
  const perHundred = (field: keyof Footprint): string =>
    ((last[field] - warm![field]) / rest.length / 1e6).toFixed(2);
  return {
    name: `${name}, per ${MEMORY_EVERY}`,
    measured:
      `RSS ${perHundred('resident_bytes')} MB, anonymous ${perHundred('anonymous_bytes')} MB; ` +
      `${holds(warm!)}, at the end ${holds(last)}`,
    verdict: 'info',
  };
}

function holds({ resident_bytes, fds, threads }: Footprint): string {
  return `${megabytes(resident_bytes)} MB, ${fds} fds, ${threads} threads`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function spread(values_ms: readonly number[]): string {
  const sorted = [...values_ms].sort((a, b) => a - b);
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
  return `median ${median(sorted).toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`;
}
