import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SteadyCounters } from '../../src/pool/steady-counters.ts';
import type { MetricFamily } from '../../src/sdk/metrics.ts';

function family(value: number, type: MetricFamily['type'] = 'counter', cpu = '0'): MetricFamily {
  return { name: 'x_total', help: 'X.', type, samples: [{ labels: { cpu }, value }] };
}

/** What a page shows of these readings, one after the other. */
function shown(readings: readonly number[], type?: MetricFamily['type']): (number | undefined)[] {
  const counters = new SteadyCounters(10);
  return readings.map((value) => counters.hold([family(value, type)])[0]?.samples[0]?.value);
}

test('a counter that steps back stays where it was until it is beyond that', () => {
  assert.deepEqual(shown([2741.41, 2741.4, 2741.41, 2741.5]), [2741.41, 2741.41, 2741.41, 2741.5]);
});

test('a counter that has begun anew is passed on', () => {
  assert.deepEqual(shown([1000, 3, 4, 3.9]), [1000, 3, 4, 4]);
});

test('a gauge may fall, and series do not hold each other', () => {
  assert.deepEqual(shown([5, 4], 'gauge'), [5, 4]);
  const counters = new SteadyCounters(10);
  counters.hold([family(5)]);
  assert.equal(counters.hold([family(4, 'counter', '1')])[0]?.samples[0]?.value, 4);
});

test('of more series than are remembered the newest are held', () => {
  const counters = new SteadyCounters(2);
  for (const cpu of ['0', '1', '2']) counters.hold([family(5, 'counter', cpu)]);
  const now = ['2', '1', '0'].map((cpu) => counters.hold([family(4, 'counter', cpu)])[0]?.samples[0]?.value);
  assert.deepEqual(now, [5, 5, 4]);
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
