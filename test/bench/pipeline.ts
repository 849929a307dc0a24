/**
 * Kernel to journal: a real agent, a producer process beside it, and the ledger to say what became of every event. Each rate is held by
 * an agent whose segment in use is plain and by one that compresses it, one after the other, and the disk is asked beside them what
 * it takes by itself. The highest rate that lost nothing is the result.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import type { LedgerStatus } from '../../src/web/status.ts';
import { AgentProcess } from './agent-process.ts';
import { cpuSeconds, cpuSecondsByThread, usageBetween } from './proc-usage.ts';
import { atLeast, atMost, median, millions, type Row } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const GOALS = { sealed: 1e6, live: 1.5e6 } as const;
const MODES = ['sealed', 'live'] as const;
const GOAL_DISK_BYTES = 60e6;
const RATES = [0.5e6, 1e6, 1.5e6, 2e6, 3e6];
const PRODUCER = fileURLToPath(new URL('producer.js', import.meta.url));
const DRAIN_TIMEOUT_MS = 30_000;
const SEQUENTIAL_BYTES = 256e6;
/** Small enough to stay in the page cache of most hosts; segments go through the disk all the same. */
const JOURNAL = { segment_size: '64MiB', segments: 4, total_size: '512MiB' };

type Mode = (typeof MODES)[number];

interface Held {
  readonly mode: Mode;
  readonly asked: number;
  /** Events per second, those that were lost included. */
  readonly offered: number;
  readonly lost: number;
  readonly difference: bigint;
  readonly agent_cpu_seconds: number;
  readonly producer_cpu_seconds: number;
  /** Handed to the file system for the disk, per second. */
  readonly disk_bytes: number;
}

export async function benchPipeline(options: BenchOptions): Promise<Row[]> {
  const { directory, progress } = options;
  using workspace = new Workspace(directory);
  const collectors = await workspace.build('test/fixtures/collectors/flood.bpf.c');
  const builtIn = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  const disabled = Object.fromEntries(builtIn.entries.map(({ name }) => [name, { enabled: false }]));
  const start = (compression: Mode): Promise<AgentProcess> => {
    const journal = { directory: `${workspace.path}/journal`, compression, ...JOURNAL };
    return AgentProcess.start(workspace.path, { journal, collectors: disabled }, [
      '--path.collectors',
      collectors,
    ]);
  };
  const held: Held[] = [];
  const disk: number[] = [];
  for (const rate of RATES) {
    disk.push(sequentialRate(workspace.path));
    for (const mode of MODES) {
      await using agent = await start(mode);
      await hold(agent, mode, RATES[0]!, 1, () => {});
      held.push(await hold(agent, mode, rate, options.flood_seconds, progress));
      // What it has left to write is not the next one's.
      await agent[Symbol.asyncDispose]();
      rmSync(`${workspace.path}/journal`, { recursive: true, force: true });
    }
  }
  const own = {
    name: `pipeline, the disk by itself, ${millions(SEQUENTIAL_BYTES)} MB and fsync`,
    measured: `${millions(median(disk))} MB/s (${disk.map(millions).join(', ')})`,
    verdict: 'info' as const,
  };
  return [
    ...held.map(row),
    own,
    ...MODES.flatMap((mode) =>
      verdict(
        mode,
        held.filter((one) => one.mode === mode),
      ),
    ),
  ];
}

/** Bytes per second that the disk takes when one file is written and synced. */
function sequentialRate(directory: string): number {
  const path = `${directory}/sequential`;
  const chunk = randomBytes(1 << 20);
  const fd = openSync(path, 'w');
  const began = performance.now();
  for (let written = 0; written < SEQUENTIAL_BYTES; written += chunk.length) writeSync(fd, chunk);
  fsyncSync(fd);
  const seconds = (performance.now() - began) / 1000;
  closeSync(fd);
  rmSync(path);
  return SEQUENTIAL_BYTES / seconds;
}

function row({ mode, asked, offered, lost, agent_cpu_seconds, producer_cpu_seconds, disk_bytes }: Held): Row {
  return {
    name: `pipeline, ${mode}, ${millions(asked)} M/s asked`,
    measured:
      `${millions(offered)} M/s offered, ${lost} lost; ${millions(disk_bytes)} MB/s to the disk; ` +
      `CPU: agent ${agent_cpu_seconds.toFixed(1)} s, producer ${producer_cpu_seconds.toFixed(1)} s`,
    verdict: 'info',
  };
}

function verdict(mode: Mode, held: readonly Held[]): Row[] {
  const best = held.filter(({ lost }) => lost === 0).toSorted((a, b) => b.offered - a.offered)[0];
  const { offered = 0, disk_bytes = 0 } = best ?? {};
  const unaccounted = held.filter(({ difference }) => difference !== 0n).length;
  const rows: Row[] = [
    {
      name: `pipeline, ${mode}, kernel to journal`,
      measured: `${millions(offered)} M/s without a loss, ${millions(disk_bytes)} MB/s to the disk`,
      goal: `≥ ${millions(GOALS[mode])} M/s`,
      // The producer paces itself against a clock, so a rate is held to within a slice.
      ...atLeast(offered, GOALS[mode] * 0.99),
    },
    {
      name: `pipeline, ${mode}, ledger`,
      measured: `closed ${held.length - unaccounted} of ${held.length} times`,
      goal: 'difference 0',
      verdict: unaccounted === 0 ? 'met' : 'missed',
    },
  ];
  // Events that are lost are not written: only with none lost does it say what they take.
  const written = held.find(({ asked, lost }) => asked === GOALS.live && lost === 0)?.disk_bytes;
  if (mode === 'live' && written !== undefined)
    rows.push({
      name: `pipeline, live, to the disk at ${millions(GOALS.live)} M/s`,
      measured: `${millions(written)} MB/s`,
      goal: `≤ ${millions(GOAL_DISK_BYTES)} MB/s`,
      ...atMost(written, GOAL_DISK_BYTES),
    });
  return rows;
}

async function hold(
  agent: AgentProcess,
  mode: Mode,
  rate: number,
  seconds: number,
  progress: (line: string) => void,
): Promise<Held> {
  const before = await agent.ledger('flood');
  const [threads, cpu, disk] = [cpuSecondsByThread(agent.pid), cpuSeconds(agent.pid), diskBytes(agent.pid)];
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
    mode,
    asked: rate,
    offered: produced / took,
    lost: delta(before, after, 'dropped_ring_full'),
    difference: BigInt(after.difference),
    agent_cpu_seconds,
    producer_cpu_seconds,
    disk_bytes: (diskBytes(agent.pid) - disk) / took,
  };
  progress(
    `pipeline, ${mode}: ${millions(rate)} M/s asked, ${millions(result.offered)} offered, ${result.lost} of ${produced} lost, ${millions(result.disk_bytes)} MB/s to the disk; ` +
      usage.map(([name, used]) => `${name} ${used.toFixed(2)} s`).join(', '),
  );
  return result;
}

/** Bytes that a process has dirtied in files, proc_pid_io(5). */
function diskBytes(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
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
