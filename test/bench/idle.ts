/**
 * What the agent costs while nothing happens and Prometheus scrapes: with five collectors, with thirty of which 25 are a user's own, which
 * have no thread before their first record or each have theirs, and node_exporter, where that is installed, all at the same time. Of an
 * agent with all collectors only the start.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import { AgentProcess } from './agent-process.ts';
import { NodeExporter } from './node-exporter.ts';
import { cpuSeconds, cpuSecondsByThread, resident, sleeps, usageBetween } from './proc-usage.ts';
import { buildQuietCollectors } from './quiet-collectors.ts';
import { atMost, type Row } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const FIVE = ['oom', 'softirq', 'runqlat', 'cpu_util', 'loadavg'];
const QUIET = 25;
/** What a ring cannot hold until a thread has started needs its thread at once. */
const UNLIMITED = { max_events_per_second_per_cpu: 0 };
const SCRAPE_INTERVAL_MS = 15_000;
/** Until then V8 still compiles what a scrape runs through, and threads have not collected what their start has left. */
const WARM_UP_SCRAPES = 4;

interface StartGoals {
  readonly ready_s?: number;
  readonly start_cpu_s?: number;
}

/** A process that is scraped. */
interface Scraped {
  readonly name: string;
  readonly pid: number;
  readonly goals?: { readonly rss_mb: number; readonly cpu_s_per_min: number };
  scrape(): Promise<unknown>;
}

export async function benchIdle(options: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(options.directory);
  options.progress(`idle: building ${QUIET} collectors`);
  const quiet = await buildQuietCollectors(workspace.path, QUIET);
  const all = await startOfAll(workspace);
  await using five = await startAgent(workspace, FIVE, {});
  const withQuiet = [...FIVE, ...quietNames()];
  await using thirty = await startAgent(workspace, withQuiet, { path: { collectors: [quiet] } });
  await using threads = await startAgent(workspace, withQuiet, {
    path: { collectors: [quiet] },
    collectors: Object.fromEntries(quietNames().map((name) => [name, UNLIMITED])),
  });
  await using exporter = await NodeExporter.start();
  const scraped: Scraped[] = [
    { name: '5 collectors', agent: five, goals: { rss_mb: 90, cpu_s_per_min: 0.15 } },
    { name: '30 collectors', agent: thirty, goals: { rss_mb: 220, cpu_s_per_min: 0.4 } },
    { name: '30 collectors with a thread each', agent: threads, goals: { rss_mb: 220, cpu_s_per_min: 0.4 } },
  ].map(({ agent, ...one }) => ({ ...one, pid: agent.pid, scrape: () => agent.get('/metrics') }));
  if (exporter) scraped.push({ name: 'node_exporter', pid: exporter.pid, scrape: () => exporter.page() });
  // Side by side, and scraped in turns: none has a minute of the machine that the others have not.
  const rows = scraped.map(async (one, turn) => {
    await sleep((turn * SCRAPE_INTERVAL_MS) / scraped.length);
    return await watch(one, options);
  });
  return [
    ...startRows('5 collectors', five, { ready_s: 1.5, start_cpu_s: 1 }),
    ...startRows('30 collectors', thirty, {}),
    ...startRows('30 collectors with a thread each', threads, {}),
    ...all,
    ...(await Promise.all(rows)).flat(),
  ];
}

async function startAgent(
  workspace: Workspace,
  collectors: readonly string[],
  config: object,
): Promise<AgentProcess> {
  const own = mkdtempSync(join(workspace.path, 'agent-'));
  return await AgentProcess.start(own, { journal: { directory: join(own, 'journal') }, ...config }, [
    '--collector.disable-defaults',
    ...collectors.map((collector) => `--collector.${collector}`),
  ]);
}

async function startOfAll(workspace: Workspace): Promise<Row[]> {
  const { entries } = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  await using agent = await AgentProcess.start(
    workspace.path,
    { journal: { directory: `${workspace.path}/journal` } },
    entries.map(({ name }) => `--collector.${name}`),
  );
  return startRows(`all ${entries.length} collectors`, agent, { ready_s: 1.5, start_cpu_s: 1 });
}

function startRows(name: string, { start }: AgentProcess, goals: StartGoals): Row[] {
  return [
    { name: `idle, ${name}, ready after`, ...bounded(start.ready_ms / 1000, goals.ready_s, 's') },
    { name: `idle, ${name}, CPU of the start`, ...bounded(start.cpu_seconds, goals.start_cpu_s, 's') },
  ];
}

function quietNames(): string[] {
  return Array.from({ length: QUIET }, (_, index) => `quiet_${index}`);
}

async function watch(
  { name, pid, scrape, goals }: Scraped,
  { idle_seconds, progress }: BenchOptions,
): Promise<Row[]> {
  progress(`idle: ${name}, warming up for ${(WARM_UP_SCRAPES * SCRAPE_INTERVAL_MS) / 1000} s`);
  await scrapeFor(WARM_UP_SCRAPES * SCRAPE_INTERVAL_MS, scrape);
  const before = { threads: cpuSecondsByThread(pid), cpu: cpuSeconds(pid), sleeps: sleeps(pid) };
  const start = performance.now();
  await scrapeFor(idle_seconds * 1000, scrape);
  const seconds = (performance.now() - start) / 1000;
  for (const [thread, used] of usageBetween(before.threads, cpuSecondsByThread(pid)))
    progress(`idle: ${name}: ${thread.padEnd(16)} ${((used / seconds) * 60).toFixed(2)} s/min`);
  const cpu = ((cpuSeconds(pid) - before.cpu) / seconds) * 60;
  const wakeups = (sleeps(pid) - before.sleeps) / seconds;
  const [rss, pss, file] = megabytes(pid);
  return [
    {
      name: `idle, ${name}, RSS`,
      ...bounded(rss, goals?.rss_mb, 'MB', 0),
      measured: `${rss.toFixed(0)} MB (PSS ${pss.toFixed(0)}, file-backed ${file.toFixed(0)})`,
    },
    { name: `idle, ${name}, CPU`, ...bounded(cpu, goals?.cpu_s_per_min, 's/min') },
    { name: `idle, ${name}, wake-ups`, ...bounded(wakeups, undefined, '/s', 1) },
  ];
}

async function scrapeFor(duration_ms: number, scrape: () => Promise<unknown>): Promise<void> {
  for (let left = duration_ms; left > 0; left -= SCRAPE_INTERVAL_MS) {
    await scrape();
    await sleep(Math.min(left, SCRAPE_INTERVAL_MS));
  }
}

function megabytes(pid: number): [rss: number, pss: number, file: number] {
  const { total_bytes, proportional_bytes, file_bytes } = resident(pid);
  return [total_bytes / 1e6, proportional_bytes / 1e6, file_bytes / 1e6];
}

function bounded(value: number, goal: number | undefined, unit: string, digits = 2): Omit<Row, 'name'> {
  const measured = `${value.toFixed(digits)} ${unit}`;
  return goal === undefined
    ? { measured, verdict: 'info' }
    : { measured, goal: `≤ ${goal} ${unit}`, ...atMost(value, goal) };
}
