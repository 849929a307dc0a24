import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInstruments } from '../../src/sdk/instruments.ts';
import { allocateSeries, KeptSeries, type SeriesMemory } from '../../src/sdk/kept-series.ts';
import { counter, gauge, histogram } from '../../src/sdk/metrics.ts';
import { familiesOf } from '../support/families.ts';

const SPECS = {
  seen: counter({ help: 'Seen.' }),
  by_reason: counter({ help: 'By reason.', labels: ['reason', 'side'] }),
  delay: histogram({ help: 'Delay.', labels: ['cpu'], buckets: [1, 10] }),
  level: gauge({ help: 'Level.' }),
};

/** The instruments of one worker. */
function worker(memory: SeriesMemory, maxSeries = 100) {
  const set = createInstruments('tester', SPECS, { maxSeries, kept: new KeptSeries(memory) });
  const values = (): Record<string, number> =>
    Object.fromEntries(
      familiesOf(set.collect())
        .filter(({ name }) => name.startsWith('huatuo_bamai_tester_'))
        .flatMap(({ name, samples }) =>
          samples.map(({ labels, suffix = '', value }) => [
            `${name.slice('huatuo_bamai_tester_'.length)}${suffix}${Object.values(labels)
              .map((l) => ` ${l}`)
              .join('')}`,
            value,
          ]),
        ),
    );
  return { set, instruments: set.instruments, values };
}

test('counters and distributions go on where an earlier worker was', () => {
  const memory = allocateSeries();
  const first = worker(memory).instruments;
  first.seen.add(2);
  first.by_reason.add(1, { reason: 'a"\n', side: 'ü' });
  first.by_reason.add(0.5, { reason: 'a"\n', side: 'ü' });
  first.delay.observe(5, { cpu: '0' });
  const second = worker(memory);
  second.instruments.seen.add(1);
  second.instruments.delay.observe(0.5, { cpu: '0' });
  const expected = {
    seen: 3,
    'by_reason a"\n ü': 1.5,
    'delay_bucket 0 1': 1,
    'delay_bucket 0 10': 2,
    'delay_bucket 0 +Inf': 2,
    'delay_sum 0': 5.5,
    'delay_count 0': 2,
  };
  assert.deepEqual(second.values(), expected);
  assert.deepEqual(worker(memory).values(), expected);
});

test('what others keep is not kept: totals of the kernel, and gauges', () => {
  const memory = allocateSeries();
  const first = worker(memory).instruments;
  first.by_reason.set(7, { reason: 'kernel', side: 'x' });
  first.level.set(3);
  assert.deepEqual(worker(memory).values(), { seen: 0 });
});

test('a metric that was cleared starts again, and the others keep their values', () => {
  const memory = allocateSeries();
  const first = worker(memory).instruments;
  for (let n = 0; n < 20; n++) first.by_reason.add(n, { reason: String(n), side: 'x' });
  first.seen.add(5);
  first.by_reason.clear();
  first.seen.add(1);
  first.by_reason.add(2, { reason: 'new', side: 'x' });
  assert.deepEqual(worker(memory).values(), { seen: 6, 'by_reason new x': 2 });
});

test('clearing again and again needs no more memory', () => {
  const memory = allocateSeries();
  const { instruments } = worker(memory);
  instruments.seen.add(1);
  for (let n = 0; n < 5000; n++) {
    instruments.by_reason.add(1, { reason: `reason ${n}`, side: 'x' });
    instruments.by_reason.clear();
  }
  assert.ok(memory.halves.every(({ index, values }) => index.byteLength + values.byteLength <= 2 * 4096));
  assert.deepEqual(worker(memory).values(), { seen: 1 });
});

test('the bound on series holds for those that were kept, too', () => {
  const memory = allocateSeries();
  const first = worker(memory, 3);
  for (const reason of ['a', 'b', 'c']) first.instruments.by_reason.add(1, { reason, side: 'x' });
  assert.equal(first.set.refusedSeries, 1);
  const second = worker(memory, 3);
  second.instruments.by_reason.add(1, { reason: 'd', side: 'x' });
  assert.equal(second.set.refusedSeries, 1);
});

test('more series than the memory holds are counted, and start again with the next worker', () => {
  const memory = allocateSeries();
  const kept = new KeptSeries(memory);
  const long = 'x'.repeat(60_000);
  const added = Array.from({ length: 100 }, (_, n) => kept.add('m', [`${n}${long}`], 1));
  assert.ok(added[0] !== undefined && added[99] === undefined);
  assert.equal(new KeptSeries(memory).of('m').length, added.filter(Boolean).length);
});
