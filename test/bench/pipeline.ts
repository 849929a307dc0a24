/**
 * Kernel to journal: a real agent, a producer process beside it, and the ledger to say what became of every event. Rates
 * are held one after the other by the same agent; the highest one that lost nothing is the result.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import type { LedgerStatus } from '../../src/web/status.ts';
import { AgentProcess } from './agent-process.ts';
import { cpuSeconds, cpuSecondsByThread, usageBetween } from './proc-usage.ts';
import { atLeast, millions, type Row } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const GOAL = 1e6;
const RATES = [0.5e6, 1e6, 1.5e6, 2e6, 3e6];
const PRODUCER = fileURLToPath(new URL('producer.js', import.meta.url));
const DRAIN_TIMEOUT_MS = 30_000;
/** Small enough to stay in the page cache of most hosts; segments go through the disk all the same. */
const JOURNAL = { segment_size: '64MiB', segments: 4, total_size: '512MiB' };

interface Held {
  readonly asked: number;
  /** Events per second, those that were lost included. */
  readonly offered: number;
  readonly lost: number;
  readonly difference: bigint;
  readonly agent_cpu_seconds: number;
  readonly producer_cpu_seconds: number;
}

export async function benchPipeline(options: BenchOptions): Promise<Row[]> {
  const { directory, progress } = options;
  using workspace = new Workspace(directory);
  const collectors = await workspace.build('test/fixtures/collectors/flood.bpf.c');
  const builtIn = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  const disabled = Object.fromEntries(builtIn.entries.map(({ name }) => [name, { enabled: false }]));
  await using agent = await AgentProcess.start(
    workspace.path,
    { journal: { directory: `${workspace.path}/journal`, ...JOURNAL }, collectors: disabled },
    ['--path.collectors', collectors],
  );
  await hold(agent, RATES[0]!, 1, () => {});
  const held: Held[] = [];
  for (const rate of RATES) held.push(await hold(agent, rate, options.flood_seconds, progress));
  return [...held.map(row), ...verdict(held)];
}

function row({ asked, offered, lost, agent_cpu_seconds, producer_cpu_seconds }: Held): Row {
  return {
    name: `pipeline, ${millions(asked)} M/s asked`,
    measured:
      `${millions(offered)} M/s offered, ${lost} lost; ` +
      `CPU: agent ${agent_cpu_seconds.toFixed(1)} s, producer ${producer_cpu_seconds.toFixed(1)} s`,
    verdict: 'info',
  };
}

function verdict(held: readonly Held[]): Row[] {
  const best = Math.max(0, ...held.filter(({ lost }) => lost === 0).map(({ offered }) => offered));
  const unaccounted = held.filter(({ difference }) => difference !== 0n).length;
  return [
    {
      name: 'pipeline, kernel to journal',
      measured: `${millions(best)} M/s without a loss`,
      goal: `≥ ${millions(GOAL)} M/s`,
      // The producer paces itself against a clock, so a rate is held to within a slice.
      ...atLeast(best, GOAL * 0.99),
    },
    {
      name: 'pipeline, ledger',
      measured: `closed ${held.length - unaccounted} of ${held.length} times`,
      goal: 'difference 0',
      verdict: unaccounted === 0 ? 'met' : 'missed',
    },
  ];
}

async function hold(
  agent: AgentProcess,
  rate: number,
  seconds: number,
  progress: (line: string) => void,
): Promise<Held> {
  const before = await agent.ledger('flood');
  const [threads, cpu] = [cpuSecondsByThread(agent.pid), cpuSeconds(agent.pid)];
  const producer = spawn(process.execPath, [PRODUCER, String(rate), String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(producer, 'exit');
  const [took, producer_cpu_seconds] = (await text(producer.stdout)).split(' ').map(Number) as [
    number,
    number,
  ];
  await exited;
  const after = await drained(agent);
  const agent_cpu_seconds = cpuSeconds(agent.pid) - cpu;
  const usage = usageBetween(threads, cpuSecondsByThread(agent.pid));
  const produced = delta(before, after, 'produced');
  const result: Held = {
    asked: rate,
    offered: produced / took,
    lost: delta(before, after, 'dropped_ring_full'),
    difference: BigInt(after.difference),
    agent_cpu_seconds,
    producer_cpu_seconds,
  };
  progress(
    `pipeline: ${millions(rate)} M/s asked, ${millions(result.offered)} offered, ${result.lost} of ${produced} lost; ` +
      usage.map(([name, used]) => `${name} ${used.toFixed(2)} s`).join(', '),
  );
  return result;
}

function delta(before: LedgerStatus, after: LedgerStatus, field: 'produced' | 'dropped_ring_full'): number {
  return Number(BigInt(after[field]) - BigInt(before[field]));
}

/** The ledger closes when the ring is empty. */
async function drained(agent: AgentProcess): Promise<LedgerStatus> {
  const end = performance.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    const ledger = await agent.ledger('flood');
    if (ledger.pending_bytes === '0') return ledger;
    if (performance.now() > end) throw new Error(`the ring does not drain: ${JSON.stringify(ledger)}`);
    await sleep(100);
  }
}
