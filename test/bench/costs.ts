/** What collectors cost where they look, for the table in the documentation (src/build/costs.ts). */
import { readdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { basename } from 'node:path';
import type { Costs } from '../../src/build/costs.ts';
import { at } from '../../src/paths.ts';
import type { AttachPoint } from '../../src/schema/manifest.ts';
import type { AnyAutotracer } from '../../src/sdk/collector.ts';
import type { SampleContext } from '../../src/sdk/context.ts';
import type { StatusDocument } from '../../src/web/status.ts';
import { parsePage, sampleValue } from '../support/prometheus-text.ts';
import type { AgentProcess } from './agent-process.ts';
import type { ProgramRuns } from './program-runs.ts';
import { median } from './report.ts';

export interface MeasuredProgram {
  readonly collector: string;
  readonly point: AttachPoint;
  readonly runs: ProgramRuns;
}

const LOOKS = 10;
const DURATION = 'huatuo_bamai_scrape_collector_duration_seconds';

/**
 * Collectors that read files: milliseconds from the question to the answer, the median of some. Each is asked alone, since in a
 * scrape of all of them they are one task.
 * @param agent in which they are enabled
 */
export async function timeLooks(agent: AgentProcess): Promise<ReadonlyMap<string, number>> {
  await agent.get('/metrics');
  const { pooled = [] } = JSON.parse(await agent.get('/api/v1/status')) as StatusDocument;
  const timed: (readonly [string, number])[] = await timeSamples();
  for (const { name } of pooled) {
    const times: number[] = [];
    for (let look = 0; look < LOOKS; look++) {
      const page = parsePage(await agent.get(`/metrics?collect[]=${name}`));
      times.push(1000 * sampleValue(page, DURATION, { collector: name }));
    }
    timed.push([name, median(times)]);
  }
  return new Map(timed.map(([name, ms]) => [name, Number(ms.toFixed(2))]));
}

/** Of autotracers: they are asked by no scrape, so each is asked here, on this host and without its containers. */
async function timeSamples(): Promise<(readonly [string, number])[]> {
  const directory = at('dist/src/collectors/autotracing');
  const timed: (readonly [string, number])[] = [];
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.js'))) {
    const { default: tracer } = (await import(`${directory}/${file}`)) as { default?: AnyAutotracer };
    if (!tracer || !('trigger' in tracer)) continue;
    const ctx = {
      options: {},
      paths: { procfs: '/proc', sysfs: '/sys' },
      containers: { list: () => [], units: () => [] },
    } as unknown as SampleContext<unknown>;
    const times: number[] = [];
    for (let look = 0; look < LOOKS; look++) {
      const started = performance.now();
      await tracer.sample(ctx);
      times.push(performance.now() - started);
    }
    timed.push([basename(file, '.js'), median(times)]);
  }
  return timed;
}

export function writeCosts(
  path: string,
  measured: readonly MeasuredProgram[],
  looks: ReadonlyMap<string, number>,
): void {
  const programs: Record<string, Record<string, number>> = {};
  for (const { collector, point, runs } of measured) {
    if (runs.runs === 0) continue;
    const ns = Math.round(runs.run_ns / runs.runs);
    programs[collector] = { ...programs[collector], [point.program]: ns };
  }
  const [major, minor] = release().split('.');
  const host = `Linux ${major}.${minor}, ${cpus().length} CPUs (${cpus()[0]?.model.trim()})`;
  const costs: Costs = {
    host,
    programs: sorted(programs),
    looks: sorted(Object.fromEntries(looks)),
  };
  writeFileSync(path, `${JSON.stringify(costs, null, 2)}\n`);
}

function sorted<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
