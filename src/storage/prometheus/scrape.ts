/**
 * One scrape: ask every source at the same time, wait for each at most its deadline, and make a page of what came.
 *
 *   GET /metrics ──► scrape ─┬─► PortSource (oom)      ──► families
 *                            ├─► PortSource (runqlat)  ──► (deadline) ─► success 0
 *                            ├─► FileSource (cpu_util) ──► families
 *                            └─► supervisor            ──► ledger, actor states
 *
 * Nothing a source does costs another one's samples.
 */
import { HuatuoError } from '../../error.ts';
import { labelText } from '../../sdk/label-text.ts';
import { answerOf, gauge, type OwnFamily } from './own-family.ts';
import { KeptPage } from './page.ts';
import { AnswerReader, type Reading } from './reader.ts';
import { type PageFormat, type PageLabels, renderPage } from './render.ts';
import type { MetricSource } from './source.ts';

const SUCCESS = 'huatuo_bamai_scrape_collector_success';
const DURATION = 'huatuo_bamai_scrape_collector_duration_seconds';
const LAST_SUCCESS = 'huatuo_scrape_collector_last_success_timestamp_seconds';
const SUPERVISOR_UP = 'huatuo_supervisor_up';
const RESERVED = [SUCCESS, DURATION, LAST_SUCCESS, SUPERVISOR_UP];

/** What a scrape leaves for the next one of the same page, which need not check or order again what is as it was. */
export class ScrapeMemory {
  /** Reads the families of this thread, and those of the scrape itself. */
  readonly own = new AnswerReader();
  readonly page = new KeptPage();
}

interface ScrapeInputs {
  /** Each becomes one value of the label `collector`. */
  readonly sources: readonly MetricSource[];
  /** The agent's own families; undefined leaves them out. */
  readonly supervisor?: () => Promise<Reading>;
  /** Of this thread; no source may use their names. */
  readonly own: readonly OwnFamily[];
  readonly memory: ScrapeMemory;
  readonly labels: PageLabels;
  readonly format: PageFormat;
  readonly deadline_ms: number;
  /** Called once for each source; no faults means that all it should have given is on the page. */
  onOutcome(collector: string, faults: readonly ScrapeFault[]): void;
  /** When a collector last gave all its samples, this scrape included, in seconds since 1970; undefined if it never did. */
  lastSuccess_seconds(collector: string): number | undefined;
}

export type ScrapeFault =
  | { readonly type: 'failed'; readonly error: HuatuoError }
  | { readonly type: 'refused'; readonly reason: string };

interface Outcome {
  readonly name: string;
  readonly seconds: number;
  readonly reading: Reading;
  readonly error?: HuatuoError;
}

/** @returns the page in UTF-8; never rejects because of a source */
export async function scrape(inputs: ScrapeInputs): Promise<Buffer<ArrayBuffer>> {
  const { sources, deadline_ms, supervisor, own, memory } = inputs;
  const [outcomes, agent] = await Promise.all([
    Promise.all(sources.map((source) => ask(source.name, () => source.scrape(deadline_ms)))),
    supervisor && ask('supervisor', supervisor),
  ]);
  // A fixed order decides who keeps a name that two have: the agent, then the collectors by name.
  const ordered = outcomes.sort((a, b) => (a.name < b.name ? -1 : 1));
  const all = agent ? [agent, ...ordered] : ordered;
  const refused = memory.page.use(
    [...own.map(({ text }) => text.name), ...RESERVED],
    all.map(({ name, reading }) => ({ owner: name, families: reading.families })),
  );
  const succeeded = new Map(
    all.map((outcome, index) => [outcome, tell(outcome, refused[index] ?? [], inputs)]),
  );
  const families = [...own, ...scrapeFamilies(ordered, succeeded, inputs)];
  if (agent) families.push(upFamily(succeeded.get(agent) === true));
  const entries = memory.page.entries(memory.own.read(answerOf(families)).families);
  return renderPage(entries, inputs.labels, inputs.format);
}

async function ask(name: string, call: () => Promise<Reading>): Promise<Outcome> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  try {
    const reading = await call();
    return { name, reading, seconds: seconds() };
  } catch (thrown) {
    const error = HuatuoError.from(thrown, 'COLLECTOR_FAILED', 'see the log of the collector');
    return { name, reading: { families: [], faults: [] }, seconds: seconds(), error };
  }
}

/** Tells what is not on the page. @returns whether everything the source should have given is */
function tell(
  { name, reading, error }: Outcome,
  left: readonly string[],
  { onOutcome }: ScrapeInputs,
): boolean {
  const failed = error ? [{ type: 'failed', error } as const] : [];
  const refused = [...reading.faults, ...left].map((reason) => ({ type: 'refused', reason }) as const);
  const faults = [...failed, ...refused];
  onOutcome(name, faults);
  return faults.length === 0;
}

/** How the sources of a page answered. */
export function scrapeFamilies(
  outcomes: readonly Outcome[],
  succeeded: ReadonlyMap<Outcome, boolean>,
  { lastSuccess_seconds }: Pick<ScrapeInputs, 'lastSuccess_seconds'>,
): OwnFamily[] {
  const family = (name: string, help: string, value: (outcome: Outcome) => number | undefined): OwnFamily => {
    const known = outcomes.flatMap((outcome) => {
      const number = value(outcome);
      return number === undefined ? [] : [{ series: seriesOf(outcome.name), number }];
    });
    return {
      text: { name, help, type: 'gauge', series: known.map(({ series }) => series).join('\n') },
      values: known.map(({ number }) => number),
    };
  };
  return [
    family(SUCCESS, 'Whether the collector gave all its samples: 1 yes, 0 no.', (outcome) =>
      succeeded.get(outcome) ? 1 : 0,
    ),
    family(DURATION, 'Time the collector took to answer, in seconds.', ({ seconds }) => seconds),
    family(LAST_SUCCESS, 'When the collector last gave all its samples, in seconds since 1970.', ({ name }) =>
      lastSuccess_seconds(name),
    ),
  ];
}

/** Text of each collector's label: they are as many as collectors were ever configured. */
const labelTexts = new Map<string, string>();

function seriesOf(collector: string): string {
  const text = labelTexts.get(collector) ?? labelText({ collector });
  labelTexts.set(collector, text);
  return text;
}

/** Whether the page has the agent's own families. */
export function upFamily(up: boolean): OwnFamily {
  return gauge(SUPERVISOR_UP, 'Whether the main thread gave the metrics of the agent itself: 1 yes, 0 no.', [
    { labels: {}, value: up ? 1 : 0 },
  ]);
}
