/**
 * All autotracers with their default options on this host as it is: on one that is quiet, none of them finds anything. What the
 * host did is looked at beside the agent, so that each document can be held against it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import { AgentProcess } from '../support/agent.ts';
import { type PageFamily, sampleValue } from '../support/prometheus-text.ts';
import { culpritsIn, subjectIn, triggerIn } from './evidence.ts';
import { type HostLook, hostMeanwhile, hostUse, lookAtHost } from './host-look.ts';

interface TracerReport {
  readonly tracer: string;
  readonly samples: number;
  readonly failed_samples: number;
  /** Samples before it can find anything. */
  readonly window: number;
  /** What each document is about. */
  readonly subjects: readonly string[];
}

interface QuietReport {
  readonly tracers: readonly TracerReport[];
  /** CPU use of the host: of the whole time, and of the busiest minute. */
  readonly mean_percent: number;
  readonly most_percent: number;
}

const LOOK_EVERY_MS = 5000;
/** A capture takes up to half a minute, and what triggered it was before. */
const LOOKS: number = 60_000 / LOOK_EVERY_MS;

/**
 * @param progress told of each document, with what the host did in the minute before it was there
 * @throws when an autotracer has taken no sample: nothing was shown then
 */
export async function stayQuiet(minutes: number, progress: (line: string) => void): Promise<QuietReport> {
  const { entries } = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  const tracers = entries.filter(({ kind }) => kind === 'autotracing');
  const length_ms = minutes * 60_000;
  await using agent = await AgentProcess.start({
    only: tracers.map(({ name }) => name),
    deadline_ms: length_ms + 120_000,
  });
  const end_ms = performance.now() + length_ms;
  const first = lookAtHost();
  const looks: HostLook[] = [first];
  const told = new Set<string>();
  let most_percent = 0;
  for (let left_ms = length_ms; left_ms > 0; left_ms = end_ms - performance.now()) {
    await sleep(Math.min(LOOK_EVERY_MS, left_ms));
    looks.push(lookAtHost());
    if (looks.length > LOOKS + 1) looks.shift();
    const [oldest, newest] = [looks[0] ?? first, looks.at(-1) ?? first];
    most_percent = Math.max(most_percent, hostUse(oldest, newest)?.total ?? 0);
    for (const { name } of tracers) {
      for (const document of agent.documents(name)) {
        if (told.has(document.text)) continue;
        told.add(document.text);
        progress(
          [
            `quiet: ${document.fields['@timestamp']} ${name} of ${subjectIn(document)}: ${triggerIn(document)}`,
            `  in it: ${culpritsIn(document)}`,
            `  the host ${hostMeanwhile(oldest, newest)}`,
          ].join('\n'),
        );
      }
    }
  }
  const page = await agent.metrics(...tracers.map(({ name }) => name));
  return {
    mean_percent: hostUse(first, lookAtHost())?.total ?? 0,
    most_percent,
    tracers: tracers.map(({ name, options }) => {
      const samples = samplesOf(page, name, 'taken');
      if (samples === 0) throw new Error(`${name} has taken no sample`);
      return {
        ...{ tracer: name, samples, window: Number(options.window?.default) },
        failed_samples: samplesOf(page, name, 'failed'),
        subjects: agent.documents(name).map(subjectIn),
      };
    }),
  };
}

function samplesOf(page: ReadonlyMap<string, PageFamily>, collector: string, outcome: string): number {
  return sampleValue(page, 'huatuo_autotracing_samples_total', { collector, outcome });
}
