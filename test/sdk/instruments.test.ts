import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HuatuoError } from '../../src/error.ts';
import { createInstruments } from '../../src/sdk/instruments.ts';
import { counter, gauge, histogram, type InstrumentSpec, type MetricsAnswer } from '../../src/sdk/metrics.ts';
import { familiesOf, type MetricFamily } from '../support/families.ts';

const specs = {
  events_total: counter({ help: 'Events.' }),
  queue: gauge({ help: 'Queue length.', labels: ['device', 'queue'] }),
  latency: histogram({
    name: 'huatuo_latency_seconds',
    help: 'Latency.',
    labels: ['cpu'],
    buckets: [0.1, 1],
  }),
};

function family(answer: MetricsAnswer, name: string): MetricFamily {
  const families = familiesOf(answer);
  const found = families.find((candidate) => candidate.name === name);
  assert.ok(found, `${name} is among ${families.map((candidate) => candidate.name)}`);
  return found;
}

const invalid = (error: unknown): boolean =>
  error instanceof HuatuoError && error.code === 'COLLECTOR_INVALID';

describe('instruments', () => {
  test('the type of a label is its declared name', () => {
    const { instruments } = createInstruments('net', specs);
    instruments.events_total.add(1);
    instruments.queue.set(1, { device: 'eth0', queue: '0' });
    // @ts-expect-error: a label is missing
    assert.throws(() => instruments.queue.set(1, { device: 'eth0' }), invalid);
    // @ts-expect-error: labels are missing
    assert.throws(() => instruments.queue.set(1), invalid);
    // @ts-expect-error: this metric has no labels
    instruments.events_total.add(1, { device: 'eth0' });
  });

  test('names come from collector and key unless they are given', () => {
    const { instruments, collect } = createInstruments('net', specs);
    instruments.queue.set(3, { device: 'eth0', queue: '0' });
    instruments.latency.observe(0.5, { cpu: '1' });
    const families = collect();
    assert.deepEqual(family(families, 'huatuo_bamai_net_queue').samples, [
      { labels: { device: 'eth0', queue: '0' }, value: 3 },
    ]);
    assert.equal(family(families, 'huatuo_latency_seconds').type, 'histogram');
  });

  test('a counter without labels shows 0 before its first event', () => {
    assert.deepEqual(
      family(createInstruments('net', specs).collect(), 'huatuo_bamai_net_events_total').samples,
      [{ labels: {}, value: 0 }],
    );
  });

  test('a metric without series is not on the page', () => {
    const names = familiesOf(createInstruments('net', specs).collect()).map(({ name }) => name);
    assert.ok(!names.includes('huatuo_bamai_net_queue'));
  });

  test('counters refuse what does not rise, gauges only what is no number', () => {
    const { instruments } = createInstruments('net', specs);
    for (const value of [-1, Number.NaN, Infinity])
      assert.throws(() => instruments.events_total.add(value), invalid);
    assert.throws(() => instruments.events_total.set(-1), invalid);
    instruments.queue.set(-1, { device: 'a', queue: 'b' });
    assert.throws(() => instruments.queue.set(Number.NaN, { device: 'a', queue: 'b' }), invalid);
    assert.throws(() => instruments.latency.observe(Number.NaN, { cpu: '0' }), invalid);
  });

  test('a refused value leaves no series behind', () => {
    const { instruments, collect } = createInstruments('net', specs);
    assert.throws(() => instruments.queue.set(Number.NaN, { device: 'a', queue: 'b' }), invalid);
    assert.ok(!familiesOf(collect()).some(({ name }) => name === 'huatuo_bamai_net_queue'));
  });

  test('a histogram shows cumulative buckets, sum and count', () => {
    const { instruments, collect } = createInstruments('net', specs);
    for (const value of [0.1, 0.5, 7]) instruments.latency.observe(value, { cpu: '1' });
    assert.deepEqual(family(collect(), 'huatuo_latency_seconds').samples, [
      { suffix: '_bucket', labels: { cpu: '1', le: '0.1' }, value: 1 },
      { suffix: '_bucket', labels: { cpu: '1', le: '1' }, value: 2 },
      { suffix: '_bucket', labels: { cpu: '1', le: '+Inf' }, value: 3 },
      { suffix: '_sum', labels: { cpu: '1' }, value: 7.6 },
      { suffix: '_count', labels: { cpu: '1' }, value: 3 },
    ]);
  });

  test('counts kept by the kernel replace a histogram', () => {
    const { instruments, collect } = createInstruments('net', specs);
    instruments.latency.observe(0.5, { cpu: '1' });
    instruments.latency.set([4, 0, 2], 9, { cpu: '1' });
    const values = family(collect(), 'huatuo_latency_seconds').samples.map(({ value }) => value);
    assert.deepEqual(values, [4, 4, 6, 9, 6]);
    assert.throws(() => instruments.latency.set([1, 2], 3, { cpu: '1' }), invalid);
    assert.throws(() => instruments.latency.set([1, 2, -1], 3, { cpu: '1' }), invalid);
  });

  test('clear forgets the series of one instrument and gives its budget back', () => {
    const { instruments, collect, refusedSeries } = createInstruments('net', specs, { maxSeries: 2 });
    instruments.queue.set(1, { device: 'a', queue: '0' });
    instruments.queue.clear();
    instruments.queue.set(2, { device: 'b', queue: '0' });
    assert.equal(refusedSeries, 0);
    assert.deepEqual(family(collect(), 'huatuo_bamai_net_queue').samples, [
      { labels: { device: 'b', queue: '0' }, value: 2 },
    ]);
  });

  test('series past the limit are refused and counted, known ones go on', () => {
    const set = createInstruments('net', specs, { maxSeries: 2 });
    set.instruments.queue.set(1, { device: 'a', queue: '0' });
    set.instruments.queue.set(1, { device: 'b', queue: '0' });
    set.instruments.latency.observe(1, { cpu: '0' });
    set.instruments.queue.set(5, { device: 'a', queue: '0' });
    assert.equal(set.refusedSeries, 2);
    const families = set.collect();
    assert.deepEqual(family(families, 'huatuo_bamai_net_queue').samples, [
      { labels: { device: 'a', queue: '0' }, value: 5 },
    ]);
    assert.equal(family(families, 'huatuo_collector_refused_series_total').samples[0]?.value, 2);
  });

  test('counts of losses go on from those of the last scrape', () => {
    const losses = { refusedSeries: 7, truncatedLabels: 3 };
    const set = createInstruments('net', specs, { maxSeries: 1 });
    set.restart(losses);
    set.instruments.queue.set(1, { device: 'a', queue: 'x' });
    assert.deepEqual([set.refusedSeries, set.truncatedLabels], [8, 3]);
  });

  test('a long label value is cut at 256 and counted', () => {
    const set = createInstruments('net', specs);
    set.instruments.queue.set(1, { device: 'd'.repeat(300), queue: '0' });
    assert.equal(set.truncatedLabels, 1);
    const [sample] = family(set.collect(), 'huatuo_bamai_net_queue').samples;
    assert.equal(sample?.labels.device, 'd'.repeat(256));
  });

  test('any two different label sets are two series, and values come out well-formed', () => {
    const value = fc.string({ unit: 'binary', maxLength: 8 });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(value, value), { selector: (pair) => JSON.stringify(pair) }),
        (pairs) => {
          const set = createInstruments('net', specs);
          for (const [index, [device, queue]] of pairs.entries())
            set.instruments.queue.set(index, { device, queue });
          const samples = familiesOf(set.collect()).find(({ name }) => name.endsWith('queue'))?.samples ?? [];
          assert.deepEqual(
            samples.map(({ labels, value }) => [labels.device, labels.queue, value]),
            pairs.map(([device, queue], index) => [device, queue, index]),
          );
          assert.ok(
            samples.every(({ labels }) => Object.values(labels).every((text) => text.isWellFormed())),
          );
        },
      ),
    );
  });

  test('broken surrogates that look the same on the page are one series', () => {
    const set = createInstruments('net', specs);
    set.instruments.queue.set(1, { device: '\ud800', queue: '' });
    set.instruments.queue.set(2, { device: '\udc00', queue: '' });
    assert.equal(family(set.collect(), 'huatuo_bamai_net_queue').samples.length, 1);
  });
});

describe('a declaration is refused', () => {
  const refused: Readonly<Record<string, InstrumentSpec>> = {
    'without help': gauge({ help: ' ' }),
    'with a colon in its name': gauge({ name: 'huatuo_a:b', help: 'A.' }),
    'without namespace': gauge({ name: 'constructor', help: 'A.' }),
    'with an invalid label': gauge({ help: 'A.', labels: ['a-b'] }),
    'with a label of Prometheus': gauge({ help: 'A.', labels: ['__name__'] }),
    'with the label le': gauge({ help: 'A.', labels: ['le'] }),
    'with the label region': gauge({ help: 'A.', labels: ['region'] }),
    'with a label twice': gauge({ help: 'A.', labels: ['a', 'a'] }),
    'without buckets': histogram({ help: 'A.', buckets: [] }),
    'with descending buckets': histogram({ help: 'A.', buckets: [2, 1] }),
    'with an infinite bucket': histogram({ help: 'A.', buckets: [1, Infinity] }),
  };
  for (const [why, spec] of Object.entries(refused))
    test(why, () => assert.throws(() => createInstruments('net', { bad: spec }), invalid));
});
