/**
 * What a scrape costs: the agent as it is shipped, and node_exporter beside it, asked in turns; then the agent with fifty thousand
 * series of collectors of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from './agent-process.ts';
import { NodeExporter } from './node-exporter.ts';
import { cpuNanoseconds, cpuSecondsByThread, resident, usageBetween } from './proc-usage.ts';
import type { Row } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const WARM_UP_SCRAPES = 100;
const ROUNDS = 10;
const SCRAPES_PER_ROUND = 30;
/** Between two scrapes of a round: that what one has left to do is not the next one's. */
const REST_MS = 20;

interface Target {
  readonly name: string;
  readonly pid: number;
  page(): Promise<string>;
}

/** What a target used over all rounds. */
class Account {
  readonly latencies_ms: number[] = [];
  cpu_ns = 0;
  samples = 0;

  get scrapes(): number {
    return this.latencies_ms.length;
  }

  get cpu_ms_per_scrape(): number {
    return this.cpu_ns / 1e6 / this.scrapes;
  }

  get cpu_us_per_sample(): number {
    return this.cpu_ns / 1e3 / this.samples;
  }

  get p99_ms(): number {
    return this.latencies_ms.toSorted((a, b) => a - b)[Math.ceil(this.scrapes * 0.99) - 1] ?? Number.NaN;
  }
}

export async function benchScrape(options: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(options.directory);
  await using agent = await AgentProcess.start(workspace.path, {
    journal: { directory: `${workspace.path}/journal` },
  });
  await using exporter = await NodeExporter.start();
  const targets: Target[] = [{ name: 'agent', pid: agent.pid, page: () => agent.get('/metrics') }];
  if (exporter) targets.push({ name: 'node_exporter', pid: exporter.pid, page: () => exporter.page() });
  const accounts = new Map(targets.map((target) => [target, new Account()]));
  for (const target of targets) await scrapes(target, WARM_UP_SCRAPES, new Account());
  const before = cpuSecondsByThread(agent.pid);
  for (let round = 0; round < ROUNDS; round++)
    for (const [target, account] of accounts) await scrapes(target, SCRAPES_PER_ROUND, account);
  for (const [thread, used] of usageBetween(before, cpuSecondsByThread(agent.pid)))
    options.progress(
      `scrape: ${thread.padEnd(16)} ${((used * 1000) / (ROUNDS * SCRAPES_PER_ROUND)).toFixed(2)} ms a scrape`,
    );
  return [...accounts].flatMap(([{ name, pid }, account]): Row[] => [
    {
      name: `scrape, ${name}, CPU`,
      measured: `${account.cpu_ms_per_scrape.toFixed(2)} ms, ${(account.samples / account.scrapes).toFixed(0)} samples, ${account.cpu_us_per_sample.toFixed(1)} us each`,
      verdict: 'info',
    },
    { name: `scrape, ${name}, p99`, measured: `${account.p99_ms.toFixed(1)} ms`, verdict: 'info' },
    {
      name: `scrape, ${name}, RSS`,
      measured: `${(resident(pid).total_bytes / 1e6).toFixed(0)} MB`,
      verdict: 'info',
    },
  ]);
}

async function scrapes({ pid, page }: Target, count: number, account: Account): Promise<void> {
  const before = cpuNanoseconds(pid);
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    const text = await page();
    account.latencies_ms.push(performance.now() - started);
    account.samples += text.match(/^[a-z]/gm)?.length ?? 0;
    await sleep(REST_MS);
  }
  account.cpu_ns += cpuNanoseconds(pid) - before;
}
