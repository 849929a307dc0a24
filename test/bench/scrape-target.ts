/** Who is scraped, and what that costs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from './agent-process.ts';
import { cpuNanoseconds } from './proc-usage.ts';
import { median } from './report.ts';
import { Scraper } from './scraper.ts';
import type { Workspace } from './workspace.ts';

/** Until then V8 still compiles: an hour and a quarter of one each 15 s. */
const WARM_UP_SCRAPES = 300;
export const ROUNDS = 10;
export const SCRAPES_PER_ROUND = 30;
/** Between two scrapes: that what one has left to do is not the next one's. */
export const REST_MS = 20;

/** A process that is scraped, and what it has used over all rounds. */
export class Target implements Disposable {
  readonly name: string;
  readonly pid: number;
  readonly scraper: Scraper;
  readonly #latencies_ms: number[] = [];
  #cpu_ns = 0;
  #samples = Number.NaN;

  constructor(name: string, pid: number, url: string) {
    this.name = name;
    this.pid = pid;
    this.scraper = new Scraper(url);
  }

  async warmUp(): Promise<void> {
    for (let index = 0; index < WARM_UP_SCRAPES; index++) {
      await this.scraper.scrape();
      await sleep(REST_MS);
    }
    this.#samples = await this.scraper.samples();
  }

  async measure(): Promise<void> {
    const before_ns = cpuNanoseconds(this.pid);
    for (let index = 0; index < SCRAPES_PER_ROUND; index++) {
      this.#latencies_ms.push((await this.scraper.scrape()).latency_ms);
      await sleep(REST_MS);
    }
    this.#cpu_ns += cpuNanoseconds(this.pid) - before_ns;
  }

  get samples(): number {
    return this.#samples;
  }

  get cpu_ms(): number {
    return this.#cpu_ns / 1e6 / this.#latencies_ms.length;
  }

  get cpu_us_per_sample(): number {
    return (this.cpu_ms * 1000) / this.#samples;
  }

  get p99_ms(): number {
    const sorted = this.#latencies_ms.toSorted((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
  }

  get median_ms(): number {
    return median(this.#latencies_ms);
  }

  [Symbol.dispose](): void {
    this.scraper[Symbol.dispose]();
  }
}

/** In rounds, so that what else goes on on the host is in all of them. */
export async function measureInTurns(targets: readonly Target[]): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) for (const target of targets) await target.measure();
}

/** @param config sections that differ from the defaults */
export async function startAgent(
  workspace: Workspace,
  name: string,
  flags: readonly string[],
  config: object = {},
): Promise<AgentProcess> {
  const directory = join(workspace.path, name);
  mkdirSync(directory);
  return AgentProcess.start(
    directory,
    { journal: { directory: join(directory, 'journal') }, ...config },
    flags,
  );
}
