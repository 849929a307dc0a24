/** What a source answers to a scrape, as objects that are easy to compare; and the reverse. */
import assert from 'node:assert/strict';
import { labelText } from '../../src/sdk/label-text.ts';
import type { FamilyText, MetricsAnswer, MetricType } from '../../src/sdk/metrics.ts';
import { MetricsPage } from '../../src/storage/prometheus/page.ts';
import { AnswerReader, type Reading } from '../../src/storage/prometheus/reader.ts';
import { type PageLabels, renderPage } from '../../src/storage/prometheus/render.ts';

/** One sample. For histograms `suffix` is `_bucket` (with label `le`), `_sum` or `_count`. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly samples: readonly Sample[];
}

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/g;

/** @param answer a whole one */
export function familiesOf(answer: MetricsAnswer): MetricFamily[] {
  return familiesOfReading(new AnswerReader().read(answer));
}

export function familiesOfReading({ families }: Reading): MetricFamily[] {
  return families.map(({ family: { text, lines }, values }) => ({
    name: text.name,
    help: text.help,
    type: text.type,
    samples: samplesOf(text, lines, [...values]),
  }));
}

function samplesOf({ bounds }: FamilyText, lines: readonly string[], values: readonly number[]): Sample[] {
  const all = lines.map(labelsOf);
  if (!bounds) return all.map((labels, i) => ({ labels, value: values[i] ?? Number.NaN }));
  const edges = [...bounds, '+Inf'];
  return all.flatMap((labels, i): Sample[] => {
    const [own, sum = Number.NaN] = [
      values.slice(i * (edges.length + 1)),
      values[(i + 1) * (edges.length + 1) - 1],
    ];
    return [
      ...edges.map((le, bucket) => ({
        suffix: '_bucket' as const,
        labels: { ...labels, le },
        value: own[bucket] ?? Number.NaN,
      })),
      { suffix: '_sum', labels, value: sum },
      { suffix: '_count', labels, value: own[edges.length - 1] ?? Number.NaN },
    ];
  });
}

function labelsOf(line: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(line.matchAll(LABEL), ([, name = '', escaped = '']) => [
      name,
      escaped.replace(/\\(.)/g, (_, after: string) => (after === 'n' ? '\n' : after)),
    ]),
  );
}

/** An answer of counters and gauges, well made or not. */
export function answerWith(...families: readonly MetricFamily[]): MetricsAnswer {
  return {
    token: 'test',
    families: families.map(({ samples, ...text }) => ({
      ...text,
      series: samples.map(({ labels }) => labelText(labels)).join('\n'),
    })),
    values: Float64Array.from(families.flatMap(({ samples }) => samples.map(({ value }) => value))),
  };
}

/** The page of one owner, of which nothing may be left out. */
export function pageOf(
  owner: string,
  answer: MetricsAnswer,
  labels: PageLabels = { region: 'r', host: 'h' },
): string {
  const page = new MetricsPage();
  const { families, faults } = new AnswerReader().read(answer);
  assert.deepEqual([...faults, ...page.add(owner, families)], []);
  return String(renderPage(page.entries, labels, 'text'));
}
