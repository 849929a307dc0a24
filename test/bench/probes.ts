/**
 * What programs that are always attached cost: nanoseconds for each run, by the kernel's own count, and how much slower work gets
 * (slow-down.ts). Where bpftrace is installed its runqlat runs beside ours.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at } from '../../src/paths.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { LoopDevice } from '../support/disks.ts';
import { AgentProcess } from './agent-process.ts';
import { Bpftrace } from './bpftrace.ts';
import { type MeasuredProgram, timeLooks, writeCosts } from './costs.ts';
import { byManifest, measureRuns, type ProgramRuns, programsOf, runsSince } from './program-runs.ts';
import { makeRareEvents } from './rare-events.ts';
import { atMost, type Row } from './report.ts';
import { COMPARED, slowDown } from './slow-down.ts';
import { compileWorkloads, type Load, Workload } from './workload.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

/** Nanoseconds for each run of `task_switched`, the program that runs most often. */
const SWITCH_GOAL_NS = 400;
const RUN_MS = 600;
const DISK_BYTES = 64 << 20;

export async function benchProbes(options: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(options.directory);
  const binary = join(workspace.path, 'workload');
  const reason = compileWorkloads(binary);
  if (reason !== undefined) return [{ name: 'programs', measured: reason, verdict: 'skipped' }];
  using disk = new LoopDevice(DISK_BYTES);
  const load: Load = (name) => new Workload(binary, [name, disk.path]);
  const rows = await runs(workspace, load, options);
  return options.costs === undefined
    ? [...rows, ...(await slowDown(load, (only) => startAgent(workspace, only), options))]
    : rows;
}

/** @param only without it all collectors that have programs, beside what is on by default */
function startAgent({ path }: Workspace, only?: readonly string[]): Promise<AgentProcess> {
  const names = only ?? manifestsIn('dist/bpf').map(({ collector }) => collector);
  const collectors = Object.fromEntries(names.map((name) => [name, { enabled: true }]));
  const flags = only ? ['--collector.disable-defaults'] : [];
  return AgentProcess.start(path, { journal: { directory: join(path, 'journal') }, collectors }, flags);
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
