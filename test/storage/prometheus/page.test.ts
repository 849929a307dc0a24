import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { MetricsAnswer } from '../../../src/sdk/metrics.ts';
import {
  answerOf,
  counter,
  gauge,
  histogram,
  type OwnFamily,
} from '../../../src/storage/prometheus/own-family.ts';
import { MetricsPage } from '../../../src/storage/prometheus/page.ts';
import { AnswerReader } from '../../../src/storage/prometheus/reader.ts';
import { renderPage } from '../../../src/storage/prometheus/render.ts';
import { assertGolden } from '../../build/golden.ts';
import { pageOf } from '../../support/families.ts';
import { promlint } from '../../support/promlint.ts';

const FIXTURES = join(import.meta.dirname, '../../../../test/fixtures/metrics');
const LABELS = { region: 'eu "1"', host: 'node\\1' };
const one = (name: string): OwnFamily => gauge(name, `Help of ${name}.`, [{ labels: {}, value: 1 }]);

/** A page of several owners, with what was left out of it. */
function page(answers: Readonly<Record<string, MetricsAnswer>>, reserved: readonly string[] = []) {
  const made = new MetricsPage(reserved);
  const faults = Object.entries(answers).map(([owner, answer]) => {
    const reading = new AnswerReader().read(answer);
    return [...reading.faults, ...made.add(owner, reading.families)];
  });
  const text = String(renderPage(made.entries, LABELS, 'text'));
  assert.deepEqual(promlint(text), []);
  return { text, faults };
}

const EVERY_KIND = answerOf([
  gauge(
    'huatuo_bamai_test_names',
    'Names.',
    ['quote " and \\', 'line\nbreak\r', '\u001b[31m', '{a="b"} 1 # HELP', ''].map((comm, value) => ({
      labels: { comm },
      value,
    })),
  ),
  gauge(
    'huatuo_test_values',
    'Values.',
    [0, -0, -1.5, 1e300, 1e-9, 2 ** 53, Number.NaN, Infinity, -Infinity].map((value, i) => ({
      labels: { of: `${i} ${value}` },
      value,
    })),
  ),
  counter('huatuo_test_total', 'Line\nbreak, "quote" and \\.', [{ labels: {}, value: 3 }]),
  counter('huatuo_bamai_test_upstreams', 'A counter that upstream has named.', [{ labels: {}, value: 3 }]),
  counter('huatuo_test_values_total', 'Another one has its name without the suffix.', [
    { labels: {}, value: 3 },
  ]),
  histogram(
    'huatuo_bamai_test_seconds',
    'A histogram.',
    [0.1, 1],
    [
      { labels: { cpu: '0' }, counts: [1, 0, 1], sum: 0.3 },
      { labels: { cpu: '1' }, counts: [0, 0, 0], sum: 0 },
    ],
  ),
]);

for (const [format, golden] of [
  ['text', 'page.prom'],
  ['openmetrics', 'page.openmetrics'],
] as const)
  test(`every kind of family and hostile label values as ${format}`, () => {
    const made = new MetricsPage();
    const { families, faults } = new AnswerReader().read(EVERY_KIND);
    assert.deepEqual([...faults, ...made.add('test', families)], []);
    assertGolden(join(FIXTURES, golden), String(renderPage(made.entries, LABELS, format)));
  });

test('families of upstream get region and host, others do not, and another host is on the next page', () => {
  const made = new MetricsPage();
  made.add('test', new AnswerReader().read(answerOf([one('huatuo_bamai_a'), one('huatuo_b')])).families);
  for (const host of ['h', 'other']) {
    const text = String(renderPage(made.entries, { region: 'r', host }, 'text'));
    assert.match(text, new RegExp(`^huatuo_bamai_a\\{region="r",host="${host}"\\} 1$`, 'm'));
    assert.match(text, /^huatuo_b 1$/m);
  }
});

describe('a family is left out, and the rest stays,', () => {
  const text = (name: string, ...lines: string[]) => ({
    name,
    help: 'Help.',
    type: 'gauge',
    series: lines.join('\n'),
  });
  const bad: Readonly<Record<string, object | null>> = {
    'when it is nothing': null,
    'when its name is invalid': text('huatuo test', ''),
    'when its name is no text': { ...text('huatuo_x', ''), name: 7 },
    'when its type is unknown': { ...text('huatuo_x', ''), type: 'summary' },
    'without help': { ...text('huatuo_x', ''), help: '' },
    'without series': { ...text('huatuo_x', ''), series: undefined },
    'when a label name is invalid': text('huatuo_x', 'a-b=""'),
    'when a label name is Prometheus’ own': text('huatuo_x', '__name__="b"'),
    'when a label is the page’s': text('huatuo_x', 'host="b"'),
    'when a label comes twice': text('huatuo_x', 'a="b",a="c"'),
    'when a label value is not closed': text('huatuo_x', 'a="b'),
    'when a label value has a quote that is not escaped': text('huatuo_x', 'a="b"c"'),
    'when a label value ends in its escape': text('huatuo_x', 'a="b\\"'),
    'when a label value has an unknown escape': text('huatuo_x', 'a="\\x"'),
    'when a label value is not well-formed': text('huatuo_x', 'a="\ud800"'),
    'when labels are followed by something': text('huatuo_x', 'a="b",'),
    'when it has a line of its own': text('huatuo_x', 'a="b"} 1', 'huatuo_y{a="b"'),
    'when its series differ in labels': text('huatuo_x', 'a=""', 'b=""'),
    'when its series differ in the order of labels': text('huatuo_x', 'a="",b=""', 'b="",a=""'),
    'when a series comes twice': text('huatuo_x', 'a=""', 'a=""'),
    'when a gauge has buckets': { ...text('huatuo_x', ''), bounds: ['1'] },
    'when a histogram has no buckets': { ...text('huatuo_x', ''), type: 'histogram' },
    'when buckets are not numbers': { ...text('huatuo_x', ''), type: 'histogram', bounds: ['1"} 1'] },
    'when buckets do not rise': { ...text('huatuo_x', ''), type: 'histogram', bounds: ['2', '1'] },
    'when its name is taken': text('huatuo_first', ''),
    'when its name is reserved': text('process_cpu_seconds_total', ''),
    'when a histogram has its name': text('huatuo_h_sum', ''),
  };
  for (const [why, family] of Object.entries(bad)) {
    test(why, () => {
      const { series, bounds } = (family ?? {}) as { series?: string; bounds?: string[] };
      const values = series === undefined ? 0 : series.split('\n').length * (bounds ? bounds.length + 2 : 1);
      const last = answerOf([one('huatuo_last')]);
      const second = {
        token: 'x',
        families: [family, ...(last.families ?? [])],
        values: Float64Array.from([...new Array(values).fill(7), 1]),
      } as MetricsAnswer;
      const histograms = histogram('huatuo_h', 'H.', [1], [{ labels: {}, counts: [0, 0], sum: 0 }]);
      const { text, faults } = page({ first: answerOf([one('huatuo_first'), histograms]), second }, [
        'process_cpu_seconds_total',
      ]);
      assert.deepEqual(
        faults.map(({ length }) => length),
        [0, 1],
        faults.join(),
      );
      assert.match(text, /^huatuo_first 1$/m);
      assert.match(text, /^huatuo_last 1$/m);
    });
  }
});

describe('an answer is left out as a whole', () => {
  const good = answerOf([one('huatuo_x')]);
  const bad: Readonly<Record<string, unknown>> = {
    'when it is nothing': undefined,
    'when its families are no list': { ...good, families: 'families' },
    'when it has more values than series': { ...good, values: new Float64Array(2) },
    'when its values are no numbers': { ...good, values: ['1'] },
    'when it is about text that was never sent': { token: 'x', values: new Float64Array(1) },
  };
  for (const [why, answer] of Object.entries(bad))
    test(why, () => {
      const { faults } = page({ good: answerOf([one('huatuo_y')]), bad: answer as MetricsAnswer });
      assert.deepEqual(
        faults.map(({ length }) => length),
        [0, 1],
      );
    });
});

test('values alone belong to the text that came last, and after an answer that was no good text is asked for again', () => {
  const reader = new AnswerReader();
  const values = (value: number, count = 1): MetricsAnswer => ({
    token: 'b',
    values: new Float64Array(count).fill(value),
  });
  assert.equal(reader.token, undefined);
  reader.read({ ...answerOf([one('huatuo_x')]), token: 'a' });
  assert.equal(reader.token, 'a');
  const { families } = reader.read(values(7));
  assert.deepEqual(
    [families[0]?.family.text.name, families[0]?.values[0], reader.token],
    ['huatuo_x', 7, 'b'],
  );
  assert.equal(reader.read(values(7, 2)).families.length, 0);
  assert.equal(reader.token, undefined);
});

test('collectors share a family when every series says whose it is', () => {
  const own = (collector: string): OwnFamily =>
    counter('huatuo_shared_total', 'Shared.', [
      { labels: { collector, cpu: `",collector="${collector}",` }, value: 1 },
    ]);
  const other = counter('huatuo_shared_total', 'Shared.', [{ labels: { collector: 'd' }, value: 1 }]);
  const { text, faults } = page({
    a: answerOf([own('a')]),
    b: answerOf([own('b')]),
    c: answerOf([own('a')]),
    d: answerOf([other]),
  });
  assert.deepEqual(
    faults.map(({ length }) => length),
    [0, 0, 1, 1],
  );
  assert.equal(text.match(/^huatuo_shared_total\{/gm)?.length, 2);
});

test('a page of nothing is one that can be read', () => {
  assert.equal(String(renderPage([], LABELS, 'openmetrics')), '# EOF\n');
  assert.match(pageOf('x', answerOf([one('huatuo_x')])), /\n$/);
});
