/** Metrics of maps, from a program in the kernel to the page. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Allocator } from '../support/allocator.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { CollectorHarness } from '../support/collector-harness.ts';
import { container } from '../support/harness-containers.ts';
import type { HarnessOptions } from '../support/harness-setup.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../support/prometheus-text.ts';
import { rename } from '../support/rename.ts';

type Page = ReadonlyMap<string, PageFamily>;

const skip = skipWithoutBpf();
const NAME = 'metrics_by_name';
const COUNTED = 'huatuo_test_counted_total';
const LEVEL = 'huatuo_test_level';
const OWNED = 'huatuo_test_owned_total';
const REFUSED = 'huatuo_collector_refused_series_total';

const load = (options: HarnessOptions = {}): Promise<CollectorHarness> =>
  CollectorHarness.load(NAME, { ...options, sources: 'collectors/contract' });
const letter = (text: string): { letter: string } => ({ letter: String(text.charCodeAt(0)) });

/** Numbers by letter. */
const byLetter = (page: Page, name: string): Record<string, number> =>
  Object.fromEntries(
    samplesOf(page, name).map(({ labels, value }) => [String.fromCharCode(Number(labels.letter)), value]),
  );

/** How many series the maps give: a histogram is one. */
const seriesOf = (page: Page): number =>
  [...page.values()]
    .filter(({ name }) => name.startsWith('huatuo_test_') || name.startsWith('huatuo_bpf_'))
    .flatMap(({ samples, type }) =>
      type === 'histogram' ? samples.filter(({ name }) => name.endsWith('_count')) : samples,
    ).length;

describe('metrics of maps', { skip }, () => {
  test('a counter has one series for each key, a gauge shows what was set last, also below 0, a histogram its buckets', async () => {
    await using metrics = await load();
    rename('m:ca', 'm:ca', 'm:cb', 'm:ga5', 'm:gb0', 'm:s3', 'm:s0');
    const page = await metrics.scrape();
    assert.deepEqual(byLetter(page, COUNTED), { a: 2, b: 1 });
    assert.deepEqual(byLetter(page, LEVEL), { a: -5, b: 0 });
    assert.deepEqual(
      [page.get(COUNTED)?.type, page.get(LEVEL)?.type, page.get('huatuo_test_size')?.type],
      ['counter', 'gauge', 'histogram'],
    );
    const bucket = (le: string): number => sampleValue(page, 'huatuo_test_size_bucket', { le });
    assert.deepEqual([bucket('1'), bucket('2048'), bucket('4096'), bucket('+Inf')], [1, 1, 2, 2]);
    assert.equal(sampleValue(page, 'huatuo_test_size_sum'), 3000);
    rename('m:ga2', 'm:ca');
    const later = await metrics.scrape();
    assert.deepEqual(byLetter(later, LEVEL), { a: -2, b: 0 });
    assert.deepEqual(byLetter(later, COUNTED), { a: 3, b: 1 });
  });

  test('a bound of a histogram belongs to its bucket, whatever the power of two', async () => {
    await using metrics = await load();
    const powers = Array.from({ length: 28 }, (_, power) => power);
    const values = powers.flatMap((power) => [2 ** power - 1, 2 ** power, 2 ** power + 1]);
    const letters = powers.map((power) => String.fromCharCode('a'.charCodeAt(0) + power));
    rename(...letters.flatMap((power) => ['0', '1', '2'].map((more) => `m:p${power}${more}`)));
    const page = await metrics.scrape();
    for (const bound of powers.slice(0, 26).map((power) => 2 ** power)) {
      const atMost = values.filter((value) => value <= bound).length;
      assert.equal(sampleValue(page, 'huatuo_test_size_bucket', { le: String(bound) }), atMost, `${bound}`);
    }
    assert.equal(sampleValue(page, 'huatuo_test_size_bucket', { le: '+Inf' }), values.length);
  });

  test('the series of an entry that the program has deleted are gone at the next scrape, those of others stay', async () => {
    await using metrics = await load();
    rename('m:ca', 'm:cb', 'm:ga5', 'm:gb6');
    await metrics.scrape();
    rename('m:xa');
    const page = await metrics.scrape();
    assert.deepEqual([byLetter(page, COUNTED), byLetter(page, LEVEL)], [{ b: 1 }, { b: -6 }]);
    rename('m:ca');
    assert.equal(sampleValue(await metrics.scrape(), COUNTED, letter('a')), 1, 'it begins anew');
  });

  test('updates that find their map full are counted, and cost no entry that is there', async () => {
    await using metrics = await load();
    rename('m:ga1', 'm:gb2', 'm:gc3', 'm:gd4', 'm:ge5', 'm:gf6', 'm:ga7');
    const page = await metrics.scrape();
    assert.deepEqual(byLetter(page, LEVEL), { a: -7, b: -2, c: -3, d: -4 });
    assert.equal(sampleValue(page, 'huatuo_bpf_series_overflows_total', { collector: NAME }), 2);
  });

  test("series beyond the collector's bound are refused and counted at each scrape; what goes makes room", async () => {
    await using unbounded = await load();
    await using bounded = await load({ maxSeries: 4 });
    rename('m:ca', 'm:cb', 'm:cc', 'm:cd', 'm:ce', 'm:cf');
    const all = seriesOf(await unbounded.scrape());
    assert.ok(all > 6);
    for (const scrapes of [1, 2]) {
      const page = await bounded.scrape();
      assert.equal(seriesOf(page), 4);
      assert.equal(sampleValue(page, REFUSED, { collector: NAME }), scrapes * (all - 4));
    }
    rename('m:xa', 'm:xb', 'm:xc', 'm:xd', 'm:xe');
    const before = sampleValue(await bounded.scrape(), REFUSED);
    const page = await bounded.scrape();
    assert.equal(seriesOf(page), seriesOf(await unbounded.scrape()));
    assert.equal(sampleValue(page, REFUSED), before);
    assert.deepEqual(byLetter(page, COUNTED), { f: 1 });
  });

  test('the series of a container go with it, its entry once that stands still, and no other', {
    skip: skipWithoutController('cpu'),
  }, async () => {
    const names = ['going', 'staying'] as const;
    await using cgroups = new AsyncDisposableStack();
    const [going, staying] = names.map((name) => {
      const cgroup = cgroups.use(TestCgroup.make('cpu', `/huatuo-maps-${process.pid}/${name}`));
      const task = cgroups.use(new Allocator());
      cgroup.add(task.pid);
      const inode = cgroup.inode;
      return { task, inode, container: container(name, { cpu: cgroup.path }, [inode]) };
    });
    assert.ok(going && staying);
    await using metrics = await load({ containers: [going.container, staying.container] });
    const count = ({ task }: typeof going): Promise<void> =>
      task.ask({ comm: Buffer.from('m:o').toString('hex') });
    const shown = (page: Page): Record<string, number> =>
      Object.fromEntries(samplesOf(page, OWNED).map(({ labels, value }) => [labels.container_id, value]));
    const kept = async (): Promise<ReadonlySet<bigint>> => {
      const inodes = new Set<bigint>();
      const map = (await metrics.ctx.bpf.load()).map('owned');
      for await (const [key] of map.entries()) inodes.add((key as { cgroup: bigint }).cgroup);
      return inodes;
    };
    await count(going);
    await count(staying);
    assert.deepEqual(shown(await metrics.scrape()), { going: 1, staying: 1 });

    await metrics.containers.remove(going.container);
    assert.deepEqual(shown(await metrics.scrape()), { going: 1, staying: 1 }, 'once after its end');
    await count(going);
    assert.deepEqual(shown(await metrics.scrape()), { staying: 1 });
    assert.deepEqual(await kept(), new Set([going.inode, staying.inode]), 'it has counted meanwhile');
    await metrics.scrape();
    assert.deepEqual(await kept(), new Set([staying.inode]));
    await count(staying);
    assert.deepEqual(shown(await metrics.scrape()), { staying: 2 });
  });
});
