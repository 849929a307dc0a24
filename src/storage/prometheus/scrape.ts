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
import type { Metric } from 'prom-client';
import { HuatuoError } from '../../error.ts';
import type { MetricFamily } from '../../sdk/metrics.ts';
import { MetricsPage, type PageLabels } from './page.ts';
import type { MetricSource } from './source.ts';

const SUCCESS = 'huatuo_bamai_scrape_collector_success';
const DURATION = 'huatuo_bamai_scrape_collector_duration_seconds';
const SUPERVISOR_UP = 'huatuo_supervisor_up';

export interface ScrapeInputs {
  /** Each becomes one value of the label `collector`. */
  readonly sources: readonly MetricSource[];
  /** The agent's own families; undefined leaves them out. */
  readonly supervisor?: () => Promise<readonly MetricFamily[]>;
  /** prom-client metrics of this thread. */
  readonly own: readonly Metric[];
  readonly labels: PageLabels;
  readonly deadline_ms: number;
  /** Called once for each source; no faults means that all it should have given is on the page. */
  onOutcome(collector: string, faults: readonly ScrapeFault[]): void;
}

export type ScrapeFault =
  | { readonly type: 'failed'; readonly error: HuatuoError }
  | { readonly type: 'refused'; readonly reason: string };

interface Outcome {
  readonly name: string;
  readonly seconds: number;
  readonly families: readonly MetricFamily[];
  readonly error?: HuatuoError;
}

/** @returns the page in Prometheus text format 0.0.4; never rejects because of a source */
export async function scrape(inputs: ScrapeInputs): Promise<string> {
  const { sources, deadline_ms, supervisor } = inputs;
  const [outcomes, agent] = await Promise.all([
    Promise.all(sources.map((source) => ask(source.name, () => source.scrape(deadline_ms)))),
    supervisor && ask('supervisor', supervisor),
  ]);
  const reserved = inputs.own.map((metric) => (metric as unknown as { readonly name: string }).name);
  const page = new MetricsPage(inputs.labels, [...reserved, SUCCESS, DURATION, SUPERVISOR_UP]);
  // A fixed order decides who keeps a name that two have: the agent, then the collectors by name.
  const ordered = outcomes.sort((a, b) => (a.name < b.name ? -1 : 1));
  const succeeded = new Map(
    [...(agent ? [agent] : []), ...ordered].map((outcome) => [outcome, addTo(page, outcome, inputs)]),
  );
  page.addOwn(ownFamilies(ordered, succeeded));
  if (agent) page.addOwn([upFamily(succeeded.get(agent) === true)]);
  return page.render(inputs.own);
}

async function ask(name: string, call: () => Promise<readonly MetricFamily[]>): Promise<Outcome> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  try {
    const families = await call();
    return { name, families, seconds: seconds() };
  } catch (thrown) {
    const error = HuatuoError.from(thrown, 'COLLECTOR_FAILED', 'see the log of the collector');
    return { name, families: [], seconds: seconds(), error };
  }
}

/** @returns whether everything the source should have given is on the page */
function addTo(page: MetricsPage, outcome: Outcome, { onOutcome }: ScrapeInputs): boolean {
  const failed = outcome.error ? [{ type: 'failed', error: outcome.error } as const] : [];
  const refused = page
    .add(outcome.name, outcome.families)
    .map((reason) => ({ type: 'refused', reason }) as const);
  const faults = [...failed, ...refused];
  onOutcome(outcome.name, faults);
  return faults.length === 0;
}

function ownFamilies(outcomes: readonly Outcome[], succeeded: ReadonlyMap<Outcome, boolean>): MetricFamily[] {
  if (outcomes.length === 0) return [];
  const family = (name: string, help: string, value: (outcome: Outcome) => number): MetricFamily => ({
    name,
    help,
    type: 'gauge',
    samples: outcomes.map((outcome) => ({ labels: { collector: outcome.name }, value: value(outcome) })),
  });
  return [
    family(SUCCESS, 'Whether the collector gave all its samples: 1 yes, 0 no.', (outcome) =>
      succeeded.get(outcome) ? 1 : 0,
    ),
    family(DURATION, 'Time the collector took to answer, in seconds.', (outcome) => outcome.seconds),
  ];
}

function upFamily(up: boolean): MetricFamily {
  return {
    name: SUPERVISOR_UP,
    help: 'Whether the main thread gave the metrics of the agent itself: 1 yes, 0 no.',
    type: 'gauge',
    samples: [{ labels: {}, value: up ? 1 : 0 }],
  };
}
