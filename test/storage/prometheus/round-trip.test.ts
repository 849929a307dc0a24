/** Any labels and numbers a collector can set come out of a page as they went in, in both formats, and break none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createInstruments } from '../../../src/sdk/instruments.ts';
import { counter, gauge, histogram } from '../../../src/sdk/metrics.ts';
import { MAX_LABEL_VALUE } from '../../../src/sdk/series.ts';
import { MetricsPage } from '../../../src/storage/prometheus/page.ts';
import { AnswerReader } from '../../../src/storage/prometheus/reader.ts';
import { type PageFormat, renderPage } from '../../../src/storage/prometheus/render.ts';
import { openMetricsLint } from '../../support/openmetrics-lint.ts';
import { type PageSample, parsePage } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const SPECS = {
  level: gauge({ name: 'huatuo_test_level', help: 'A "level" of \\ and\nmore.', labels: ['comm', 'path'] }),
  seen: counter({ name: 'huatuo_test_seen_total', help: 'Seen.', labels: ['comm'] }),
  wait: histogram({
    name: 'huatuo_test_wait_seconds',
    help: 'Waits.',
    labels: ['comm'],
    buckets: [0.001, 1],
  }),
};

/** Whole UTF-16, halves of surrogates too, with what the format has to escape among it more often than by chance. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\r', ',', '=', '{', '}', ' ', '#', 'a', '\ud800', '\udc00', '\0'),
  }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((units) => String.fromCharCode(...units)),
);
const anyNumber = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.constantFrom(0, -0, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 2 ** 53, 1e21, 1e-7),
);

/** What a label value becomes, as `SeriesTable` documents it. */
const kept = (value: string): string => value.slice(0, MAX_LABEL_VALUE).toWellFormed();

function rendered(set: ReturnType<typeof createInstruments>, format: PageFormat): string {
  const page = new MetricsPage();
  const { families, faults } = new AnswerReader().read(set.collect());
  assert.deepEqual([...faults, ...page.add('test', families)], []);
  return String(renderPage(page.entries, { region: 'r', host: 'h' }, format));
}

/** What a scraper reads; that of OpenMetrics after its own rules were checked. */
function read(set: ReturnType<typeof createInstruments>): PageSample[][] {
  const text = rendered(set, 'text');
  assert.deepEqual(promlint(text), []);
  const openMetrics = rendered(set, 'openmetrics');
  assert.deepEqual(openMetricsLint(openMetrics), []);
  const counters = Array.from(openMetrics.matchAll(/^# TYPE (\S+) counter$/gm), ([, name]) => name);
  const asText = openMetrics
    .replace(/# EOF\n$/, '')
    .replace(/^# UNIT .*\n/gm, '')
    .replace(/^# (HELP|TYPE) (\S+)/gm, (line, _, name) => (counters.includes(name) ? `${line}_total` : line));
  return [text, asText].map((page) => [...parsePage(page).values()].flatMap(({ samples }) => samples));
}

test('label values and numbers', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.record({ comm: hostile, path: hostile, value: anyNumber }), {
        selector: ({ comm, path }) => JSON.stringify([kept(comm), kept(path)]),
      }),
      (series) => {
        const set = createInstruments('test', SPECS);
        for (const { value, ...labels } of series) set.instruments.level.set(value, labels);
        for (const samples of read(set)) {
          const levels = samples.filter(({ name }) => name === 'huatuo_test_level');
          // A page has one zero.
          assert.deepEqual(
            levels.map(({ labels, value }) => ({ ...labels, value })),
            series.map(({ comm, path, value }) => ({ comm: kept(comm), path: kept(path), value: value + 0 })),
          );
        }
      },
    ),
  );
});

test('counters and distributions', () => {
  const positive = fc.oneof(fc.double({ noNaN: true, min: 0, noDefaultInfinity: true }), fc.nat());
  fc.assert(
    fc.property(
      hostile,
      positive,
      fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 })),
      (comm, count, waits) => {
        const set = createInstruments('test', SPECS);
        set.instruments.seen.add(count, { comm });
        for (const wait of waits) set.instruments.wait.observe(wait, { comm });
        for (const samples of read(set)) {
          const of = (name: string, le?: string): number | undefined =>
            samples.find((one) => one.name === name && one.labels.comm === kept(comm) && one.labels.le === le)
              ?.value;
          assert.equal(of('huatuo_test_seen_total'), count);
          if (waits.length === 0) continue;
          assert.equal(of('huatuo_test_wait_seconds_count'), waits.length);
          assert.equal(of('huatuo_test_wait_seconds_bucket', '+Inf'), waits.length);
          assert.equal(of('huatuo_test_wait_seconds_bucket', '1'), waits.filter((wait) => wait <= 1).length);
          assert.equal(
            of('huatuo_test_wait_seconds_sum'),
            waits.reduce((sum, wait) => sum + wait, 0),
          );
        }
      },
    ),
  );
});

test('an answer of numbers alone makes the page that a whole one would', () => {
  const step = fc.record({
    comm: fc.constantFrom('a', 'b', 'c', 'd'),
    value: fc.nat(),
    what: fc.constantFrom('set', 'clear', 'scrape'),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const [set, whole] = [createInstruments('test', SPECS), createInstruments('test', SPECS)];
      const reader = new AnswerReader();
      for (const { comm, value, what } of steps) {
        for (const { level } of [set.instruments, whole.instruments]) {
          if (what === 'set') level.set(value, { comm, path: '' });
          else if (what === 'clear') level.clear();
        }
        if (what !== 'scrape') continue;
        const page = new MetricsPage();
        page.add('test', reader.read(set.collect(reader.token)).families);
        const written = renderPage(page.entries, { region: 'r', host: 'h' }, 'text');
        assert.equal(String(written), rendered(whole, 'text'));
      }
    }),
  );
});
