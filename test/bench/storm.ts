/** One collector in one storm: an agent, the storm in a process of its own, a neighbour that makes events steadily, and a scraper. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import type { StatusDocument } from '../../src/web/status.ts';
import { rename } from '../support/rename.ts';
import { type RingAccount, ringAccount } from '../support/ring-account.ts';
import { AgentProcess } from './agent-process.ts';
import { cpuSeconds, cpuSecondsByThread, fileReadsByThread, resident, usageBetween } from './proc-usage.ts';
import { measureRuns, type ProgramRuns, programsOf, runsSince } from './program-runs.ts';
import { median } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const run = promisify(execFile);

const NEIGHBOUR = { events: 40, every_ms: 20 };
const SCRAPES_BEFORE = 20;
const SCRAPE_EVERY_MS = 250;
/** A young agent still compiles, and fills its pools. */
const WARM_UP_SECONDS = 3;
const SETTLE_TIMEOUT_MS = 60_000;
const SETTLE_EVERY_MS = 50;
/** More in a ring is of the storm. */
const CALM_BYTES = 64 << 10;

export interface Storm {
  readonly collector: string;
  /** Of test/fixtures/programs/storm.c. */
  readonly workload: 'drop' | 'segment' | 'synack';
  /** Packets. */
  readonly per_second: number;
  /** Of the collector. */
  readonly options: object;
}

/** Of the collector, from the start of the storm until its ring was empty. */
export interface Weathered {
  readonly seconds: number;
  readonly counts: Counts;
  /** Events that are not accounted for. */
  readonly missing: number;
  readonly neighbour: { readonly made: number; readonly journalled: number };
  /** CPUs' worth of time. */
  readonly thread_cores: number;
  readonly agent_cores: number;
  readonly programs: readonly ProgramRuns[];
  readonly scrape_ms: { readonly calm: number; readonly storm: number };
  readonly grown_bytes: number;
  /** Calls of read(2) by the collector's thread. */
  readonly thread_reads: number;
}

/** @param binary storm.c, compiled */
export async function weather(
  { collector, workload, per_second, options }: Storm,
  binary: string,
  { directory, flood_seconds, progress }: BenchOptions,
): Promise<Weathered> {
  using workspace = new Workspace(directory);
  const neighbours = await workspace.build('test/fixtures/collectors/flood.bpf.c');
  await using agent = await startAgent(workspace.path, neighbours, collector, options);
  const ledgers = async (): Promise<{ readonly own: RingAccount; readonly flood: RingAccount }> => ({
    own: await settled(agent, collector, at('dist/bpf')),
    flood: await settled(agent, 'flood', neighbours),
  });
  const blow = async (seconds: number): Promise<unknown> =>
    run(binary, [workload, String(per_second), String(seconds)]);
  await blow(WARM_UP_SECONDS);
  const before = await ledgers();
  const calm_ms: number[] = [];
  for (let i = 0; i < SCRAPES_BEFORE; i++) calm_ms.push(await scrape(agent));

  using _measuring = measureRuns();
  const runs = programsOf(agent.pid);
  const start = usageOf(agent.pid);
  const storm_ms: number[] = [];
  let [made, ended] = [0, false];
  const making = setInterval(() => {
    rename(`flood:${NEIGHBOUR.events}`);
    made += NEIGHBOUR.events;
  }, NEIGHBOUR.every_ms);
  try {
    const storm = blow(flood_seconds).finally(() => {
      ended = true;
    });
    while (!ended) {
      storm_ms.push(await scrape(agent));
      await Promise.race([storm, sleep(SCRAPE_EVERY_MS)]);
    }
    await storm;
  } finally {
    clearInterval(making);
  }
  const end = usageOf(agent.pid);
  const programs = runsSince(runs, agent.pid);
  const seconds = (end.now_ms - start.now_ms) / 1000;
  const after = await ledgers();
  const usage = usageBetween(start.threads, end.threads).map(
    ([name, used]) => `${name} ${used.toFixed(2)} s`,
  );
  progress(`storms: ${collector}: ${usage.join(', ')}`);
  const of = (readings: ReadonlyMap<string, number>): number => readings.get(collector) ?? 0;
  return {
    seconds,
    counts: countsBetween(before.own, after.own),
    missing: after.own.missing,
    neighbour: { made, journalled: countsBetween(before.flood, after.flood).journalled },
    thread_cores: (of(end.threads) - of(start.threads)) / seconds,
    agent_cores: (end.cpu_seconds - start.cpu_seconds) / seconds,
    programs,
    scrape_ms: { calm: median(calm_ms), storm: median(storm_ms) },
    grown_bytes: end.resident_bytes - start.resident_bytes,
    thread_reads: of(end.reads) - of(start.reads),
  };
}

async function startAgent(
  directory: string,
  neighbours: string,
  collector: string,
  options: object,
): Promise<AgentProcess> {
  const builtIn = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  const collectors = {
    ...Object.fromEntries(builtIn.entries.map(({ name }) => [name, { enabled: false }])),
    flood: { process: process.pid },
    [collector]: { enabled: true, ...options },
  };
  const journal = { directory: join(directory, 'journal') };
  return AgentProcess.start(directory, { journal, collectors }, ['--path.collectors', neighbours]);
}

interface Usage {
  readonly now_ms: number;
  readonly cpu_seconds: number;
  readonly threads: Map<string, number>;
  readonly reads: Map<string, number>;
  readonly resident_bytes: number;
}

function usageOf(pid: number): Usage {
  return {
    now_ms: performance.now(),
    cpu_seconds: cpuSeconds(pid),
    threads: cpuSecondsByThread(pid),
    reads: fileReadsByThread(pid),
    resident_bytes: resident(pid).total_bytes,
  };
}

/** @returns milliseconds that one took */
async function scrape(agent: AgentProcess): Promise<number> {
  const start_ms = performance.now();
  await agent.get('/metrics');
  return performance.now() - start_ms;
}

const COUNTS = ['produced', 'journalled', 'dropped_ring_full', 'rate_limited', 'malformed'] as const;
export type Counts = Readonly<Record<(typeof COUNTS)[number], number>>;

function countsBetween({ ledger: before }: RingAccount, { ledger: after }: RingAccount): Counts {
  const counts = COUNTS.map((name) => [name, Number(BigInt(after[name]) - BigInt(before[name]))] as const);
  return Object.fromEntries(counts) as Record<(typeof COUNTS)[number], number>;
}

/**
 * A moment at which all is accounted for and the storm's events are out of the ring; what the host does by itself goes on, for softirqs
 * never end. When there is none for long, what is missing is the result.
 */
async function settled(agent: AgentProcess, collector: string, directory: string): Promise<RingAccount> {
  const end = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const status = JSON.parse(await agent.get('/api/v1/status')) as StatusDocument;
    const account = ringAccount(status, collector, directory);
    const isCalm = Number(account.ledger.pending_bytes) < CALM_BYTES;
    if ((account.missing === 0 && isCalm) || performance.now() > end) return account;
    await sleep(SETTLE_EVERY_MS);
  }
}
