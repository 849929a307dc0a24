/** Series of a container that has ended are seen once more, then for `containers.keep_gone`, and then no more. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { GoneContainers } from '../../src/sdk/gone-containers.ts';
import { createInstruments } from '../../src/sdk/instruments.ts';
import { allocateSeries, KeptSeries } from '../../src/sdk/kept-series.ts';
import { counter, histogram } from '../../src/sdk/metrics.ts';
import { familiesOf } from '../support/families.ts';

const SPECS = {
  kills: counter({ help: 'Kills.', labels: ['container_id', 'reason'] }),
  waits: histogram({ help: 'Waits.', labels: ['container_id'], buckets: [1] }),
  by_reason: counter({ help: 'By reason.', labels: ['reason'] }),
};
const KEEP_MS = 300_000;

/** A collector that counts, its page, and the clock of both. */
function page(keep_ms = KEEP_MS) {
  let now_ms = 0;
  const gone = new GoneContainers(keep_ms, () => now_ms);
  const memory = allocateSeries();
  const kept = new KeptSeries(memory);
  const set = createInstruments('tester', SPECS, { maxSeries: 100, kept });
  return {
    set,
    memory,
    ids: (at_ms: number, ...running: string[]): string[] => {
      now_ms = at_ms;
      gone.begin(running);
      set.forget((id) => gone.isOver(id));
      const [family] = familiesOf(set.collect());
      assert.ok(
        family?.name === 'huatuo_bamai_tester_kills' || family?.name === 'huatuo_bamai_tester_by_reason',
      );
      return family.samples.map(({ labels }) => labels.container_id ?? '');
    },
  };
}

test('what ends between two scrapes is on the next one, and stays as long as is configured', () => {
  const { set, ids } = page();
  set.instruments.kills.add(1, { container_id: 'a', reason: 'x' });
  set.instruments.kills.add(1, { container_id: 'b', reason: 'x' });
  assert.deepEqual(ids(0, 'a', 'b'), ['a', 'b']);
  assert.deepEqual(ids(1_000_000, 'b'), ['a', 'b'], 'however late the scrape comes that finds it ended');
  assert.deepEqual(ids(1_000_000 + KEEP_MS, 'b'), ['a', 'b']);
  assert.deepEqual(ids(1_000_001 + KEEP_MS, 'b'), ['b']);
});

test('one that has lived and died between two scrapes is seen, also when nothing is to be kept', () => {
  const { set, ids } = page(0);
  set.instruments.kills.add(1, { container_id: 'short', reason: 'x' });
  assert.deepEqual(ids(10), ['short']);
  set.instruments.by_reason.add(1, { reason: 'x' });
  assert.deepEqual(ids(20), [''], 'what is no container’s stays');
});

test('one that runs again under its id is not over', () => {
  const { set, ids } = page();
  set.instruments.kills.add(1, { container_id: 'a', reason: 'x' });
  ids(0);
  ids(KEEP_MS, 'a');
  assert.deepEqual(ids(KEEP_MS + 1), ['a'], 'its time begins anew');
});

test('what is over is out of memory: for the next worker, and for the bound on series', () => {
  const { set, ids, memory } = page(0);
  for (let round = 0; round < 50; round++) {
    set.instruments.kills.add(1, { container_id: `c${round}`, reason: 'x' });
    set.instruments.kills.add(1, { container_id: `c${round}`, reason: 'y' });
    set.instruments.waits.observe(2, { container_id: `c${round}` });
    ids(round * 10);
  }
  assert.equal(set.refusedSeries, 0);
  set.instruments.kills.add(1, { container_id: 'c49', reason: 'x' });
  const next = createInstruments('tester', SPECS, { kept: new KeptSeries(memory) });
  assert.deepEqual(next.instruments.kills.entries(), [
    { labels: { container_id: 'c49', reason: 'x' }, value: 2 },
    { labels: { container_id: 'c49', reason: 'y' }, value: 1 },
  ]);
});
