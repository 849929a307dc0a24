/** One collector in one storm: an agent, the storm in a process of its own, a neighbour that makes events steadily, and a scraper. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import type { StatusDocument } from '../../src/web/status.ts';
import { Producer } from '../support/producer.ts';
import { parsePage, samplesOf, sampleValue } from '../support/prometheus-text.ts';
import { type RingAccount, settledAccount } from '../support/ring-account.ts';
import { AgentProcess } from './agent-process.ts';
import { usageBetween, usageOf } from './proc-usage.ts';
import { measureRuns, type ProgramRuns, programsOf, runsSince } from './program-runs.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const run = promisify(execFile);

const NEIGHBOUR = { collector: 'flood', events: 40, every_ms: 20 };
const SCRAPES_BEFORE = 20;
const SCRAPE_EVERY_MS = 250;
/** A young agent still compiles, and fills its pools. */
const WARM_UP_SECONDS = 3;

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
  /** Before the storm, and in it. */
  readonly calm: readonly Scrape[];
  readonly scrapes: readonly Scrape[];
  readonly grown_bytes: number;
  /** Calls of read(2) by the collector's thread. */
  readonly reads: number;
  /** Names that it had to find out. */
  readonly look_ups: number;
  readonly missed_runs: number;
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
  const status = async (): Promise<StatusDocument> => JSON.parse(await agent.get('/api/v1/status'));
  const ledgers = async (): Promise<{ readonly own: RingAccount; readonly flood: RingAccount }> => ({
    own: await settledAccount(status, collector, at('dist/bpf')),
    flood: await settledAccount(status, 'flood', neighbours),
  });
  const blow = async (seconds: number): Promise<unknown> =>
    run(binary, [workload, String(per_second), String(seconds)]);
  await blow(WARM_UP_SECONDS);
  const before = await ledgers();
  const calm: Scrape[] = [];
  for (let i = 0; i < SCRAPES_BEFORE; i++) calm.push(await scrape(agent, collector));

  using _measuring = measureRuns();
  const runs = programsOf(agent.pid);
  const start = usageOf(agent.pid);
  const { scrapes, made } = await scrapeDuring(() => blow(flood_seconds), agent, collector);
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
    calm,
    scrapes,
    grown_bytes: end.resident_bytes - start.resident_bytes,
    reads: of(end.reads) - of(start.reads),
    look_ups: scrapes.at(-1)!.look_ups - calm.at(-1)!.look_ups,
    missed_runs: scrapes.at(-1)!.missed_runs - calm.at(-1)!.missed_runs,
  };
}

/** @returns scrapes from the beginning of `work` to its end, and how many events the neighbour has made meanwhile */
async function scrapeDuring(
  work: () => Promise<unknown>,
  agent: AgentProcess,
  collector: string,
): Promise<{ readonly scrapes: readonly Scrape[]; readonly made: number }> {
  using neighbour = new Producer(NEIGHBOUR);
  let ended = false;
  const working = work().finally(() => {
    ended = true;
  });
  const scrapes: Scrape[] = [];
  while (!ended) {
    scrapes.push(await scrape(agent, collector));
    await Promise.race([working, sleep(SCRAPE_EVERY_MS)]);
  }
  await working;
  neighbour[Symbol.dispose]();
  return { scrapes, made: neighbour.made };
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

interface Scrape {
  readonly took_ms: number;
  /** Whether it has what the collector measures. */
  readonly whole: boolean;
  /** Since the collector's worker began: names that its decoder did not have. */
  readonly look_ups: number;
  /** Since its programs were loaded: runs that the kernel left out. */
  readonly missed_runs: number;
}

async function scrape(agent: AgentProcess, collector: string): Promise<Scrape> {
  const start_ms = performance.now();
  const text = await agent.get('/metrics');
  const took_ms = performance.now() - start_ms;
  const page = parsePage(text);
  const whole = samplesOf(page, 'huatuo_bamai_scrape_collector_success', { collector })[0]?.value === 1;
  const details = parsePage(await agent.get('/metrics?collect[]=agent'));
  const count = (name: string): number => sampleValue(details, name, { actor: collector });
  return {
    took_ms,
    whole,
    look_ups: count('huatuo_actor_lookup_misses_total'),
    missed_runs: count('huatuo_actor_missed_program_runs_total'),
  };
}

type LedgerCount = 'produced' | 'journalled' | 'dropped_ring_full' | 'rate_limited' | 'malformed';
export type Counts = Readonly<Record<LedgerCount | 'waiting', number>>;

/** Those that waited before are among those that were produced. */
function countsBetween(before: RingAccount, after: RingAccount): Counts {
  const since = (name: LedgerCount): number =>
    Number(BigInt(after.ledger[name]) - BigInt(before.ledger[name]));
  return {
    produced: since('produced') + before.waiting,
    journalled: since('journalled'),
    dropped_ring_full: since('dropped_ring_full'),
    rate_limited: since('rate_limited'),
    malformed: since('malformed'),
    waiting: after.waiting,
  };
}
