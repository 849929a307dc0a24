/**
 * What programs that are always attached cost: nanoseconds for each run, by the kernel's own count, and how much slower work gets
 * with the agent than without, in turns. Where bpftrace is installed its runqlat runs beside ours.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { at } from '../../src/paths.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { LoopDevice } from '../support/disks.ts';
import { AgentProcess } from './agent-process.ts';
import { Bpftrace } from './bpftrace.ts';
import { type MeasuredProgram, timeLooks, writeCosts } from './costs.ts';
import { byManifest, measureRuns, type ProgramRuns, programsOf, runsSince } from './program-runs.ts';
import { makeRareEvents } from './rare-events.ts';
import { atMost, median, type Row } from './report.ts';
import { compileWorkloads, type Load, Workload } from './workload.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

/** Nanoseconds for each run of `task_switched`, the program that runs most often. */
const SWITCH_GOAL_NS = 400;
const RUN_MS = 600;
const DISK_BYTES = 64 << 20;

const ROUNDS = 8;
const TURN_MS = 40;
/** The least of them counts: what else the machine does only adds. */
const TURNS = 15;
/** A young agent still compiles. */
const SETTLE_MS = 1500;

/** Of which the slow-down is measured. */
const COMPARED = [
  { name: 'switch', title: 'switch-heavy', unit: 'round trip between two processes' },
  { name: 'packet', title: 'packet-heavy', unit: 'datagram' },
  { name: 'tcp', title: 'connection-heavy', unit: 'TCP connection' },
  { name: 'disk', title: 'I/O-heavy', unit: 'block of a loop device' },
] as const;

export async function benchProbes(options: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(options.directory);
  const binary = join(workspace.path, 'workload');
  const reason = compileWorkloads(binary);
  if (reason !== undefined) return [{ name: 'programs', measured: reason, verdict: 'skipped' }];
  using disk = new LoopDevice(DISK_BYTES);
  const load: Load = (name) => new Workload(binary, [name, disk.path]);
  const rows = await runs(workspace, load, options);
  return options.costs === undefined ? [...rows, ...(await slowDown(workspace, load, options))] : rows;
}

/** An agent with all collectors that have programs. */
function startAgent({ path }: Workspace): Promise<AgentProcess> {
  const collectors = Object.fromEntries(
    manifestsIn('dist/bpf').map(({ collector }) => [collector, { enabled: true }]),
  );
  return AgentProcess.start(path, { journal: { directory: join(path, 'journal') }, collectors });
}

async function runs(workspace: Workspace, load: Load, { progress, costs }: BenchOptions): Promise<Row[]> {
  await using agent = await startAgent(workspace);
  await using reference = Bpftrace.installed() ? await Bpftrace.runqlat() : undefined;
  const manifests = ['dist/bpf', 'dist/agent'].flatMap(manifestsIn);
  let measured: MeasuredProgram[];
  let ofReference: ProgramRuns[] = [];
  {
    using _measuring = measureRuns();
    const before = programsOf(agent.pid);
    const beforeReference = reference && programsOf(reference.pid);
    for (const { name } of COMPARED) {
      await using work = load(name);
      await work.do(await work.calibrate(RUN_MS));
    }
    await makeRareEvents(load, agent);
    measured = byManifest(runsSince(before, agent.pid), manifests);
    if (reference && beforeReference) ofReference = runsSince(beforeReference, reference.pid);
  }
  progress('probes: measured each program');
  const looks = await timeLooks(agent);
  if (costs !== undefined) writeCosts(costs, measured, looks);
  return [
    ...measured.map(({ collector, point, runs }) =>
      programRow(`${collector} ${point.program}, ${point.section}`, runs, goalOf(point.program)),
    ),
    ...[...looks].map(([collector, ms]) => info(`${collector}, a look`, `${ms} ms`)),
    ...(reference
      ? ofReference.map((program) => programRow(`bpftrace runqlat, ${program.name}`, program))
      : [{ name: 'bpftrace runqlat', measured: 'bpftrace is not installed', verdict: 'skipped' } as const]),
  ];
}

function manifestsIn(directory: string): ObjectManifest[] {
  return readdirSync(at(directory))
    .filter((file) => file.endsWith('.bpf.o'))
    .map((file) => readFileSync(at(directory, file.replace('.bpf.o', '.json')), 'utf8'))
    .map((text) => JSON.parse(text) as ObjectManifest);
}

function info(name: string, measured: string): Row {
  return { name, measured, verdict: 'info' };
}

function goalOf(program: string): number | undefined {
  return program === 'task_switched' ? SWITCH_GOAL_NS : undefined;
}

function programRow(name: string, { runs, run_ns }: ProgramRuns, goal_ns?: number): Row {
  if (runs === 0) return { name, measured: 'did not run', verdict: 'info' };
  const each = run_ns / runs;
  const measured = `${each.toFixed(0)} ns, ${runs} runs`;
  if (goal_ns === undefined) return { name, measured, verdict: 'info' };
  return { name, measured, goal: `≤ ${goal_ns} ns`, ...atMost(each, goal_ns) };
}

async function slowDown(workspace: Workspace, load: Load, { progress }: BenchOptions): Promise<Row[]> {
  await using held = new AsyncDisposableStack();
  const loads = COMPARED.map(({ name }) => held.use(load(name)));
  const counts: number[] = [];
  for (const work of loads) counts.push(await work.calibrate(TURN_MS));
  const measure = async (): Promise<number[]> => {
    const least = loads.map(() => Number.POSITIVE_INFINITY);
    for (let turn = 0; turn < TURNS; turn++)
      for (const [index, work] of loads.entries())
        least[index] = Math.min(least[index]!, await work.do(counts[index]!));
    return least;
  };
  const measureWithAgent = async (): Promise<number[]> => {
    await using _agent = await startAgent(workspace);
    await sleep(SETTLE_MS);
    // Not before it is done may the agent end.
    return await measure();
  };
  const rounds: { readonly without: number[]; readonly with: number[] }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const first = round % 2 === 0 ? await measure() : await measureWithAgent();
    const second = round % 2 === 0 ? await measureWithAgent() : await measure();
    rounds.push(round % 2 === 0 ? { without: first, with: second } : { without: second, with: first });
    progress(`probes: round ${round + 1} of ${ROUNDS}`);
  }
  return COMPARED.map(({ title, unit }, index) => {
    const ratios = rounds.map((round) => round.with[index]! / round.without[index]!);
    const without = median(rounds.map((round) => round.without[index]!));
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
    return {
      name: `${title}, with the agent / without`,
      measured: `${median(ratios).toFixed(2)} × (${least.toFixed(2)} – ${most.toFixed(2)}) of ${(without / 1000).toFixed(2)} µs for a ${unit}`,
      ratio: median(ratios),
      verdict: 'info' as const,
    };
  });
}
