/**
 * All autotracers with their default options on a host that gets into trouble, seven times: each is one document, which names the
 * culprit, with a flame graph of what that spends. The longest window takes ten minutes to fill, so troubles come in the order of
 * their windows.
 */
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import { AgentProcess } from '../support/agent.ts';
import { type FlameRows, hottestUserFrame, rowsOf } from '../support/flame-rows.ts';
import type { JournalDocument } from '../support/journal-reader.ts';
import { sampleValue } from '../support/prometheus-text.ts';
import { culpritsIn, subjectIn, triggerIn } from './evidence.ts';
import { makeTroubles, type Trouble } from './trouble-kinds.ts';

interface TroubleReport {
  readonly trouble: string;
  readonly tracer: string;
  /** Of its subject; 0 when none came in time. */
  readonly documents: number;
  readonly namesCulprit: boolean;
  readonly hottest: string;
  /** What the flame graph has as the hottest function of the program with frame pointers, and of that without. */
  readonly framed: string | undefined;
  readonly lean: string | undefined;
  /** Documents about anything else that came meanwhile. */
  readonly beside: readonly string[];
}

const DEADLINE_MS = 40 * 60_000;
const WINDOW_MS = 15 * 60_000;
/** `dload` needs a minute of blocked tasks, and a capture takes up to 30 s. */
const DOCUMENT_MS = 4 * 60_000;
/** Looks after the first document in which a second one would come. */
const LOOKS_AFTER = 2;

/** @param progress told of each trouble, and of each document */
export async function getIntoTroubles(progress: (line: string) => void): Promise<TroubleReport[]> {
  const { entries } = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  const windows = new Map(
    entries
      .filter(({ kind }) => kind === 'autotracing')
      .map(({ name, options }) => [name, Number(options.window?.default)]),
  );
  await using undo = new AsyncDisposableStack();
  const troubles = await makeTroubles(undo);
  await using agent = await AgentProcess.start({ only: [...windows.keys()], deadline_ms: DEADLINE_MS });
  const reports: TroubleReport[] = [];
  for (const trouble of troubles) {
    const { name, tracer } = trouble;
    progress(`troubles: the window of ${tracer} fills`);
    await untilSampled(agent, tracer, (windows.get(tracer) ?? 0) + 1);
    progress(`troubles: ${name}`);
    const report = await provoke(agent, trouble, [...windows.keys()], progress);
    reports.push(report);
  }
  return reports;
}

async function provoke(
  agent: AgentProcess,
  trouble: Trouble,
  tracers: readonly string[],
  progress: (line: string) => void,
): Promise<TroubleReport> {
  const { name, tracer, hottest } = trouble;
  const all = () => tracers.flatMap((one) => agent.documents(one).map((document) => ({ one, document })));
  const before = new Set(all().map(({ document }) => document.text));
  const fresh = () => all().filter(({ document }) => !before.has(document.text));
  const isIts = ({ one, document }: ReturnType<typeof all>[number]): boolean =>
    one === tracer && trouble.isOf(document);
  {
    await using running = new AsyncDisposableStack();
    await trouble.begin(running);
    await agent
      .until(`a document of ${tracer}`, () => fresh().some(isIts), DOCUMENT_MS)
      .catch((error: unknown) => progress(`troubles: ${(error as Error).message.split('\n')[0]}`));
    await untilSampled(agent, tracer, (await samplesOf(agent, tracer)) + LOOKS_AFTER);
  }
  const { its = [], others = [] } = Object.groupBy(fresh(), (one) => (isIts(one) ? 'its' : 'others'));
  for (const { one, document } of [...its, ...others])
    progress(
      `  ${one} of ${subjectIn(document)}: ${triggerIn(document)}\n    in it: ${culpritsIn(document)}`,
    );
  const [first] = its;
  return {
    ...{ trouble: name, tracer, hottest, documents: its.length },
    namesCulprit: first !== undefined && trouble.names(first.document.data),
    framed: hottestOf(first?.document, 'framed'),
    lean: hottestOf(first?.document, 'lean'),
    beside: others.map(({ one, document }) => `${one} of ${subjectIn(document)}`),
  };
}

function hottestOf(document: JournalDocument | undefined, process: string): string | undefined {
  return hottestUserFrame(rowsOf((document?.data.flamedata ?? []) as FlameRows, process));
}

async function untilSampled(agent: AgentProcess, tracer: string, least: number): Promise<void> {
  await agent.until(
    `${least} samples of ${tracer}`,
    async () => (await samplesOf(agent, tracer)) >= least,
    WINDOW_MS,
  );
}

async function samplesOf(agent: AgentProcess, collector: string): Promise<number> {
  const page = await agent.metrics(collector);
  return sampleValue(page, 'huatuo_autotracing_samples_total', { collector, outcome: 'taken' }) ?? 0;
}
