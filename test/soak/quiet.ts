/** All autotracers with their default options on this host as it is: on one that is quiet, none of them finds anything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import { AgentProcess } from '../support/agent.ts';
import { type PageFamily, sampleValue } from '../support/prometheus-text.ts';

export interface QuietReport {
  readonly tracer: string;
  readonly samples: number;
  readonly failed_samples: number;
  /** Samples before it can find anything. */
  readonly window: number;
  /** What each document is about: a container, or the host. */
  readonly documents: readonly string[];
}

const LOOK_EVERY_MS = 5000;

/** @returns one for each autotracer @throws when one has taken no sample: nothing was shown then */
export async function stayQuiet(
  minutes: number,
  progress: (line: string) => void,
): Promise<readonly QuietReport[]> {
  const { entries } = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  const tracers = entries.filter(({ kind }) => kind === 'autotracing');
  const length_ms = minutes * 60_000;
  await using agent = await AgentProcess.start({
    only: tracers.map(({ name }) => name),
    deadline_ms: length_ms + 120_000,
  });
  const end_ms = performance.now() + length_ms;
  const told = new Set<string>();
  for (let left_ms = length_ms; left_ms > 0; left_ms = end_ms - performance.now()) {
    await sleep(Math.min(LOOK_EVERY_MS, left_ms));
    for (const { text } of tracers.flatMap(({ name }) => agent.documents(name))) {
      if (!told.has(text)) progress(`quiet: ${text.slice(0, 2000)}`);
      told.add(text);
    }
  }
  const page = await agent.metrics(...tracers.map(({ name }) => name));
  return tracers.map(({ name, options }) => {
    const samples = samplesOf(page, name, 'taken');
    if (samples === 0) throw new Error(`${name} has taken no sample`);
    return {
      tracer: name,
      samples,
      failed_samples: samplesOf(page, name, 'failed'),
      window: Number(options.window?.default),
      documents: agent.documents(name).map(({ fields }) => String(fields.container_id ?? 'host')),
    };
  });
}

function samplesOf(page: ReadonlyMap<string, PageFamily>, collector: string, outcome: string): number {
  return sampleValue(page, 'huatuo_autotracing_samples_total', { collector, outcome });
}
