import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SteadyCounters } from '../../src/pool/steady-counters.ts';
import { answerOf, scalar } from '../../src/storage/prometheus/own-family.ts';
import { AnswerReader } from '../../src/storage/prometheus/reader.ts';

type Type = 'counter' | 'gauge';
type Cpus = Readonly<Record<string, number>>;

/** What a page shows of readings of some CPUs, one after the other. */
function pages(readings: readonly Cpus[], { type = 'counter' as Type, maxSeries = 10 } = {}): Cpus[] {
  const counters = new SteadyCounters(maxSeries);
  const reader = new AnswerReader();
  return readings.map((cpus) => {
    const samples = Object.entries(cpus).map(([cpu, value]) => ({ labels: { cpu }, value }));
    const { families } = reader.read(answerOf([scalar(type, 'huatuo_x_total', 'X.', samples)]));
    counters.hold(families);
    const values = [...(families[0]?.values ?? [])];
    return Object.fromEntries(Object.keys(cpus).map((cpu, i) => [cpu, values[i] ?? Number.NaN]));
  });
}

function shown(readings: readonly number[], type?: Type): (number | undefined)[] {
  const cpus = readings.map((value) => ({ 0: value }));
  return pages(cpus, type && { type }).map((page) => page[0]);
}

test('a counter that steps back stays where it was until it is beyond that', () => {
  assert.deepEqual(shown([2741.41, 2741.4, 2741.41, 2741.5]), [2741.41, 2741.41, 2741.41, 2741.5]);
});

test('a counter that has begun anew is passed on', () => {
  assert.deepEqual(shown([1000, 3, 4, 3.9]), [1000, 3, 4, 4]);
});

test('a gauge may fall, and series do not hold each other', () => {
  assert.deepEqual(shown([5, 4], 'gauge'), [5, 4]);
  assert.deepEqual(pages([{ 0: 5 }, { 1: 4 }])[1], { 1: 4 });
});

test('a series is held when others come and go, and when it was away itself', () => {
  const [, , , last] = pages([{ 0: 5, 1: 50 }, { 1: 49, 2: 7 }, { 1: 50 }, { 2: 6, 1: 48, 0: 4 }]);
  assert.deepEqual(last, { 0: 5, 1: 50, 2: 7 });
});

test('of more absent series than are remembered the newest are held', () => {
  const [, , now] = pages([{ 0: 5, 1: 5, 2: 5 }, { 9: 1 }, { 0: 4, 1: 4, 2: 4 }], { maxSeries: 2 });
  assert.deepEqual(now, { 0: 4, 1: 5, 2: 5 });
});

test('whatever is read, a fall on the page is one to less than half', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), (readings) => {
      const page = shown(readings);
      for (const [index, value] of page.entries()) {
        const before = page[index - 1] ?? 0;
        assert.ok(value !== undefined && (value >= before || value < before / 2));
      }
    }),
  );
});
