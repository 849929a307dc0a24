/**
 * Kernel to journal: a real agent, a producer process beside it, and the ledger to say what became of every event. Each rate is held by
 * an agent whose segment in use is plain and by one that compresses it, one after the other, and the disk is asked beside them what
 * it takes by itself. The highest rate that lost nothing is the result.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { floodedAgents, type Held, hold, MODES, type Mode } from './flood.ts';
import { atLeast, atMost, median, millions, type Row } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const GOALS = { sealed: 1e6, live: 1.5e6 } as const;
const GOAL_DISK_BYTES = 60e6;
const RATES = [0.5e6, 1e6, 1.5e6, 2e6, 3e6];
const SEQUENTIAL_BYTES = 256e6;

export async function benchPipeline(options: BenchOptions): Promise<Row[]> {
  const { directory, progress } = options;
  using workspace = new Workspace(directory);
  const start = await floodedAgents(workspace);
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
