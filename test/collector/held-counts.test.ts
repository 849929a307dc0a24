/** Counts of containers that BPF maps hold, as the page shows them over removals, restarts and ends. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { forgetShown, HeldCounts, type LabelledNumbers } from '../../src/collector/held-counts.ts';
import { GoneContainers } from '../../src/sdk/gone-containers.ts';
import { allocateSeries, KeptSeries } from '../../src/sdk/kept-series.ts';

const NAMES = ['container_name', 'container_id', 'device'];
const KEEP_MS = 1000;

const sums = (id: string, ...numbers: number[]): LabelledNumbers => ({
  labels: { container_name: `name of ${id}`, container_id: id, device: 'sda' },
  numbers,
});

function scrapes(memory = allocateSeries()) {
  let now_ms = 0;
  const gone = new GoneContainers(KEEP_MS, () => now_ms);
  const held = new HeldCounts('waits_total', NAMES, new KeptSeries(memory));
  return {
    memory,
    scrape(at_ms: number, running: readonly string[], ...found: LabelledNumbers[]): LabelledNumbers[] {
      now_ms = at_ms;
      gone.begin(running);
      return held.show(found, gone);
    },
  };
}

test('a count does not fall when an entry is gone, and rises again above what was shown', () => {
  const { scrape } = scrapes();
  assert.deepEqual(scrape(0, ['a'], sums('a', 5, 7)), [sums('a', 5, 7)]);
  assert.deepEqual(scrape(1, ['a'], sums('a', 2, 8)), [sums('a', 5, 8)]);
  assert.deepEqual(scrape(2, ['a']), [sums('a', 5, 8)]);
  assert.deepEqual(scrape(3, ['a'], sums('a', 6, 9)), [sums('a', 6, 9)]);
});

test('a container that has ended keeps what it had, with or without entries, until it is over', () => {
  const { scrape } = scrapes();
  scrape(0, ['a'], sums('a', 5));
  assert.deepEqual(scrape(10, [], sums('a', 6)), [sums('a', 6)], 'counted after the last scrape');
  assert.deepEqual(scrape(10 + KEEP_MS, []), [sums('a', 6)]);
  assert.deepEqual(scrape(11 + KEEP_MS, []), []);
});

test('the next worker goes on from what was shown', () => {
  const { memory, scrape } = scrapes();
  scrape(0, ['a', 'b'], sums('a', 5), sums('b', 1));
  const next = scrapes(memory);
  assert.deepEqual(next.scrape(1, ['a'], sums('a', 4)), [sums('a', 5), sums('b', 1)]);
});

test('a description that changes makes no second series', () => {
  const { scrape } = scrapes();
  scrape(0, ['a'], sums('a', 5));
  const described = { labels: { container_name: 'shop', container_id: 'a', device: 'sda' }, numbers: [3] };
  assert.deepEqual(scrape(1, ['a'], described), [{ ...described, numbers: [5] }]);
});

test('what was shown of an object that is gone is forgotten', () => {
  const { memory, scrape } = scrapes();
  scrape(0, ['a'], sums('a', 5));
  new KeptSeries(memory).add('kills_total', ['a'], 1);
  forgetShown(memory);
  assert.deepEqual([...new KeptSeries(memory).metrics], ['kills_total']);
});
