/** A real agent with one collector of events that a producer process makes beside it, and what became of them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import type { LedgerStatus } from '../../src/web/status.ts';
import { AgentProcess, type Launch } from './agent-process.ts';
import { cpuSeconds, cpuSecondsByThread, usageBetween } from './proc-usage.ts';
import { millions } from './report.ts';
import type { Workspace } from './workspace.ts';

const PRODUCER = fileURLToPath(new URL('producer.js', import.meta.url));
const DRAIN_TIMEOUT_MS = 30_000;
/** Small enough to stay in the page cache of most hosts; segments go through the disk all the same. */
const JOURNAL = { segment_size: '64MiB', segments: 4, total_size: '512MiB' };

export const MODES = ['sealed', 'live'] as const;
/** `journal.compression` */
export type Mode = (typeof MODES)[number];

export interface Held {
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

/** @returns what starts an agent that has no other collector, with its journal in `<workspace>/journal` */
export async function floodedAgents(
  workspace: Workspace,
): Promise<(compression: Mode, launch?: Launch) => Promise<AgentProcess>> {
  const collectors = await workspace.build('test/fixtures/collectors/flood.bpf.c');
  const builtIn = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  const disabled = Object.fromEntries(builtIn.entries.map(({ name }) => [name, { enabled: false }]));
  return (compression, launch) => {
    const journal = { directory: `${workspace.path}/journal`, compression, ...JOURNAL };
    const flags = ['--path.collectors', collectors];
    return AgentProcess.start(workspace.path, { journal, collectors: disabled }, flags, launch);
  };
}

/** Holds a rate, in events per second, and waits until the agent has read all of it. */
export async function hold(
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
