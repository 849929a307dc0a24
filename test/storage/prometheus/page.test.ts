import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { MetricFamily, Sample } from '../../../src/sdk/metrics.ts';
import { MetricsPage } from '../../../src/storage/prometheus/page.ts';
import { assertGolden } from '../../build/golden.ts';
import { promlint } from '../../support/promlint.ts';

const FIXTURES = join(import.meta.dirname, '../../../../test/fixtures/metrics');
const LABELS = { region: 'eu "1"', host: 'node\\1' };

function gauge(name: string, samples: readonly Sample[] = [{ labels: {}, value: 1 }]): MetricFamily {
  return { name, help: `Help of ${name}.`, type: 'gauge', samples };
}

test('the page of every kind of family and hostile label values', async () => {
  const page = new MetricsPage(LABELS);
  const hostile = ['quote " and \\', 'line\nbreak\r', '\u001b[31m', '\ud800 broken', '{a="b"} 1 # HELP'];
  const faults = page.add('test', [
    gauge(
      'huatuo_bamai_test_names',
      hostile.map((comm, value) => ({ labels: { comm }, value })),
    ),
    gauge(
      'huatuo_test_values',
      [0, -1.5, 1e300, 2 ** 53, Number.NaN, Infinity, -Infinity].map((value) => ({
        labels: { of: String(value) },
        value,
      })),
    ),
    {
      name: 'huatuo_test_total',
      help: 'Line\nbreak and \\.',
      type: 'counter',
      samples: [{ labels: {}, value: 3 }],
    },
    {
      name: 'huatuo_test_seconds',
      help: 'A histogram.',
      type: 'histogram',
      samples: [
        { suffix: '_bucket', labels: { cpu: '0', le: '0.1' }, value: 1 },
        { suffix: '_bucket', labels: { cpu: '0', le: '+Inf' }, value: 2 },
        { suffix: '_sum', labels: { cpu: '0' }, value: 0.3 },
        { suffix: '_count', labels: { cpu: '0' }, value: 2 },
      ],
    },
  ]);
  assert.deepEqual(faults, []);
  const text = Buffer.from(await page.render()).toString();
  assert.deepEqual(promlint(text), []);
  assertGolden(join(FIXTURES, 'page.prom'), text);
});

test('any label values give a page that can be read', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.string({ unit: 'binary' }).map((text) => text.toWellFormed())),
      async (values) => {
        const page = new MetricsPage(LABELS);
        page.add('test', [
          gauge(
            'huatuo_bamai_test',
            values.map((comm, value) => ({ labels: { comm }, value })),
          ),
        ]);
        assert.deepEqual(promlint(await page.render()), []);
      },
    ),
    { numRuns: 50 },
  );
});

test('families of upstream get region and host, others do not', async () => {
  const page = new MetricsPage({ region: 'r', host: 'h' });
  page.add('test', [gauge('huatuo_bamai_a'), gauge('huatuo_b')]);
  const text = await page.render();
  assert.match(text, /^huatuo_bamai_a\{region="r",host="h"\} 1$/m);
  assert.match(text, /^huatuo_b 1$/m);
});

describe('a family is left out, and the rest stays,', () => {
  const bad: Readonly<Record<string, unknown>> = {
    'when it is nothing': null,
    'when its name is invalid': gauge('huatuo test'),
    'when its name is no text': { ...gauge('huatuo_x'), name: 7 },
    'when its type is unknown': { ...gauge('huatuo_x'), type: 'summary' },
    'without help': { ...gauge('huatuo_x'), help: '' },
    'without samples': { ...gauge('huatuo_x'), samples: undefined },
    'when a sample is nothing': gauge('huatuo_x', [null as unknown as Sample]),
    'when a sample has no labels': gauge('huatuo_x', [{ value: 1 } as Sample]),
    'when a value is text': gauge('huatuo_x', [{ labels: {}, value: '1' as unknown as number }]),
    'when a label name is invalid': gauge('huatuo_x', [{ labels: { 'a-b': '' }, value: 1 }]),
    'when a label value is no text': gauge('huatuo_x', [{ labels: { a: 1 as unknown as string }, value: 1 }]),
    'when its samples differ in labels': gauge('huatuo_x', [
      { labels: { a: '' }, value: 1 },
      { labels: { b: '' }, value: 1 },
    ]),
    'when a series comes twice': gauge('huatuo_x', [
      { labels: { a: '' }, value: 1 },
      { labels: { a: '' }, value: 2 },
    ]),
    'when a gauge has buckets': gauge('huatuo_x', [{ suffix: '_bucket', labels: { le: '1' }, value: 1 }]),
    'when a bucket has no bound': {
      ...gauge('huatuo_x', [{ suffix: '_bucket', labels: {}, value: 1 }]),
      type: 'histogram',
    },
    'when its name is taken': gauge('huatuo_first'),
    'when its name is reserved': gauge('process_cpu_seconds_total'),
    'when a histogram has its name': gauge('huatuo_h_sum'),
  };
  for (const [why, family] of Object.entries(bad)) {
    test(why, async () => {
      const page = new MetricsPage(LABELS, ['process_cpu_seconds_total']);
      const histogram = { name: 'huatuo_h', help: 'H.', type: 'histogram', samples: [] } as const;
      assert.deepEqual(page.add('first', [gauge('huatuo_first'), histogram]), []);
      const faults = page.add('second', [family as MetricFamily, gauge('huatuo_last')]);
      assert.equal(faults.length, 1);
      const text = await page.render();
      assert.deepEqual(promlint(text), []);
      assert.match(text, /^huatuo_first 1$/m);
      assert.match(text, /^huatuo_last 1$/m);
    });
  }
  test('when the whole answer is no list', () => {
    assert.equal(new MetricsPage(LABELS).add('x', 'families' as unknown as MetricFamily[]).length, 1);
  });
});

test('collectors share a family when every sample says whose it is', async () => {
  const page = new MetricsPage(LABELS);
  const own = (collector: string): MetricFamily =>
    gauge('huatuo_collector_refused', [{ labels: { collector }, value: 1 }]);
  assert.deepEqual(page.add('a', [own('a')]), []);
  assert.deepEqual(page.add('b', [own('b')]), []);
  assert.equal(page.add('c', [own('a')]).length, 1);
  const text = await page.render();
  assert.equal(text.match(/^huatuo_collector_refused\{/gm)?.length, 2);
});
