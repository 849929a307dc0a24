/**
 * What the agent says of itself -> the second table of `docs/metrics.md`. Its families are made as they are for a scrape, from one
 * example of each thing that they are about: a name, a label or a help text that changes there changes here.
 */
import { programFamilies } from '../agent/program-metrics.ts';
import { containerFamilies } from '../agent/services/containers-metrics.ts';
import { elasticsearchFamilies } from '../agent/services/elasticsearch-metrics.ts';
import { journalDetails, journalFamilies } from '../agent/services/journal-metrics.ts';
import { actorDetails, precaptureFamilies, statusFamilies } from '../agent/status-metrics.ts';
import { lossFamilies } from '../sdk/instruments.ts';
import type { FamilyText } from '../sdk/metrics.ts';
import { OwnMetrics } from '../storage/prometheus/own.ts';
import type { OwnFamily } from '../storage/prometheus/own-family.ts';
import { processFamilies } from '../storage/prometheus/process.ts';
import { scrapeFamilies, upFamily } from '../storage/prometheus/scrape.ts';
import type { StatusDocument } from '../web/status.ts';
import { cell, table } from './markdown.ts';

interface AgentMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Whether it is on every page, or only on the one of the agent. */
  readonly isUsual: boolean;
}

const NAME = 'example';

/** Something of which only the labels matter: each number in it is 1. */
function example<T extends object>(known: NoInfer<Partial<T>> = {}): T {
  return new Proxy(known, { get: (target, key) => Reflect.get(target, key) ?? 1 }) as T;
}

const STATUS: StatusDocument = {
  agent: example({ version: NAME, node: NAME, kernel: NAME }),
  actors: [
    example({
      name: NAME,
      role: 'collector',
      state: 'running',
      fence: { quota: { in_force: true } },
      vitals: example(),
    }),
  ],
  ledger: [example({ collector: NAME })],
  containers: example({ sources: [example({ name: NAME, place: NAME, state: 'ok' })] }),
  journal: { tracers: { [NAME]: example() }, rejected_messages: 0 },
  elasticsearch: example({
    state: 'ok',
    latency: { counts: [], sum_seconds: 0 },
    streams: [example({ tracer: NAME })],
  }),
};

/** @returns sorted by name */
export function agentMetrics(): AgentMetric[] {
  const own = new OwnMetrics(() => ({ clients: 0, cut: 0, refused: 0 }));
  own.countReply(NAME, 'GET', 200, 0);
  own.countRefusedFamily(NAME);
  own.addConnections({ open: 0, ended: { idle: 0, unread: 0, refused: 0 } });
  const outcome = { name: NAME, seconds: 0, reading: { families: [], faults: [] } };
  const usual = [
    ...statusFamilies(STATUS, { successful: true, success_seconds: 0 }),
    ...containerFamilies(STATUS),
    ...journalFamilies(STATUS.journal),
    ...elasticsearchFamilies(STATUS.elasticsearch),
    ...programFamilies([{ collector: NAME, program: NAME, runs: 0, run_ns: 0 }]),
    ...precaptureFamilies({ samples: 0, lost: 0 }),
    ...processFamilies(),
    ...own.families,
    ...scrapeFamilies([outcome], new Map(), { lastSuccess_seconds: () => 0 }),
    upFamily(true),
  ];
  const detailed = [...actorDetails(STATUS), ...journalDetails(STATUS.journal), ...own.details];
  return [
    ...textsOf(usual).map((text) => metricOf(text, true)),
    ...lossFamilies(NAME).map((text) => metricOf(text, true)),
    ...textsOf(detailed).map((text) => metricOf(text, false)),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function agentMetricsTable(): string {
  return table(
    ['Metric', 'Type', 'Page', 'Labels', 'Meaning'],
    agentMetrics().map(({ name, type, isUsual, labels, help }) => [
      `\`${name}\``,
      type,
      isUsual ? 'every' : 'agent',
      labels.map((label) => `\`${label}\``).join(', '),
      cell(help),
    ]),
  );
}

function textsOf(families: readonly OwnFamily[]): FamilyText[] {
  return families.map(({ text }) => text);
}

function metricOf({ name, type, help, series }: FamilyText, isUsual: boolean): AgentMetric {
  const [first = ''] = series.split('\n');
  const labels = [...first.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
  return { name, type, help, labels, isUsual };
}
