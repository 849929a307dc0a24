/** Counts of containers that BPF maps hold, as the page shows them over removals, restarts and ends. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  forgetShown,
  HeldCounts,
  type LabelledNumbers,
  type RunNumbers,
  startShown,
} from '../../src/map-metrics/held-counts.ts';
import { GoneContainers } from '../../src/sdk/gone-containers.ts';
import { allocateSeries, KeptSeries } from '../../src/sdk/kept-series.ts';

const NAMES = ['container_name', 'container_id', 'systemd_unit', 'device'];
const KEEP_MS = 1000;

const sums = (id: string, ...numbers: number[]): LabelledNumbers => ({
  labels: { container_name: `name of ${id}`, container_id: id, systemd_unit: '', device: 'sda' },
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
      const ofRuns = found.map((one): RunNumbers => ({ run: 0n, ...one }));
      return held.show(ofRuns, gone);
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
  const described = {
    labels: { container_name: 'shop', container_id: 'a', systemd_unit: '', device: 'sda' },
    numbers: [3],
  };
  assert.deepEqual(scrape(1, ['a'], described), [{ ...described, numbers: [5] }]);
});

const unit = (run: bigint, ...numbers: number[]): RunNumbers => ({
  labels: { systemd_unit: 'backup.service', device: 'sda' },
  numbers,
  run,
});
const shown = (...numbers: number[]) => [{ labels: unit(0n).labels, numbers }];
/** Inodes are beyond 2^53. */
const FIRST = 0x7fff_ffff_ffff_fff0n;

test('a unit that is started again goes on from what its earlier runs have counted', () => {
  const { scrape } = scrapes();
  const running = ['backup.service'];
  assert.deepEqual(scrape(0, running, unit(FIRST, 5, 1)), shown(5, 1));
  const left = unit(FIRST, 7, 1);
  assert.deepEqual(
    scrape(1, running, unit(FIRST + 1n, 2, 3), left),
    shown(9, 4),
    'what the first counted at its end',
  );
  assert.deepEqual(
    scrape(2, running, left, unit(FIRST + 1n, 3, 3)),
    shown(10, 4),
    'an entry that is left counts once',
  );
  assert.deepEqual(scrape(3, running, unit(FIRST + 1n, 3, 3)), shown(10, 4), 'and may go');
  const between = [unit(FIRST + 3n, 1, 1), unit(FIRST + 2n, 10, 10)];
  assert.deepEqual(
    scrape(4, running, ...between),
    shown(21, 15),
    'runs that begin and end between two scrapes',
  );
});

test('runs of a unit outlive the worker, and end with the unit', () => {
  const { memory, scrape } = scrapes();
  scrape(0, ['backup.service'], unit(FIRST, 5), unit(FIRST + 1n, 2));
  const next = scrapes(memory);
  const [restored] = next.scrape(1, [], unit(FIRST, 5), unit(FIRST + 1n, 4));
  assert.deepEqual(restored?.numbers, [9]);
  assert.equal(restored.labels.systemd_unit, 'backup.service');
  assert.deepEqual(next.scrape(2 + KEEP_MS, []), []);
});

test('what was shown of an object that is gone is forgotten', () => {
  const { memory, scrape } = scrapes();
  scrape(0, ['a'], sums('a', 5));
  new KeptSeries(memory).add('kills_total', ['a'], 1);
  forgetShown(memory);
  assert.deepEqual([...new KeptSeries(memory).metrics], ['kills_total']);
});

test('what was shown goes on with the same object, and not with another one', () => {
  const { memory, scrape } = scrapes();
  startShown(memory, 7);
  scrape(0, ['a'], sums('a', 5));
  startShown(memory, 7);
  assert.deepEqual(scrapes(memory).scrape(1, ['a']), [sums('a', 5)]);
  startShown(memory, 8);
  assert.deepEqual(scrapes(memory).scrape(2, ['a']), []);
});
