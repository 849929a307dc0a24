/** The memory_vmstat collector over a host that the test makes up. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const HOST = 'huatuo_bamai_memory_vmstat';
const VMSTAT =
  'nr_free_pages 100\nnr_dirty_threshold 9\nallocstall_normal 3\npgscan_direct_throttle 4\nnuma_hit 5\n';
const V1 =
  'dirty 1\ninactive_anon 2\nhierarchical_memory_limit 4096\ntotal_dirty 10\ntotal_inactive_anon 20\n';
const V2 =
  'anon 5\nfile_dirty 30\ninactive_anon 40\nworkingset_nodereclaim 7\npgsteal_kswapd 50\nshmem_thp 60\n';

function host(): FixtureProc {
  const proc = new FixtureProc();
  proc.write('vmstat', VMSTAT);
  return proc;
}

test('the keys of existing dashboards, levels as gauges and events as counters', async () => {
  using proc = host();
  await using vmstat = await CollectorHarness.load('memory_vmstat', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    containers: [
      container('one', { memory: proc.write('v1/memory.stat', V1) }),
      container('two', { unified: proc.write('v2/memory.stat', V2) }),
      container('gone', { unified: join(proc.directory, 'gone') }),
      // A directory in place of the file: reading it fails with something else than "gone".
      container('odd', { unified: join(proc.write('odd/memory.stat/x', ''), '..') }),
    ],
  });
  const text = await vmstat.page();
  assert.deepEqual(promlint(text), []);
  const page = await vmstat.scrape();
  const shown = (name: string): unknown => [
    page.get(`${HOST}_${name}`)?.type,
    sampleValue(page, `${HOST}_${name}`),
  ];
  assert.deepEqual(shown('nr_free_pages'), ['gauge', 100]);
  assert.deepEqual(shown('nr_dirty_threshold'), ['gauge', 9]);
  assert.deepEqual(shown('allocstall_normal'), ['counter', 3]);
  assert.deepEqual(shown('pgscan_direct_throttle'), ['counter', 4]);
  assert.equal(page.has(`${HOST}_numa_hit`), false, 'not included by default');

  const of = (key: string): unknown =>
    Object.fromEntries(
      samplesOf(page, `${HOST}_container_${key}`).map(({ labels, value }) => [labels.container_id, value]),
    );
  assert.deepEqual(of('dirty'), { one: 10 }, 'with descendants');
  assert.deepEqual(of('inactive_anon'), { one: 20, two: 40 });
  assert.deepEqual(of('file_dirty'), { two: 30 });
  assert.deepEqual(of('shmem_thp'), { two: 60 });
  assert.deepEqual(of('pgsteal_kswapd'), { two: 50 });
  assert.equal(page.get(`${HOST}_container_pgsteal_kswapd`)?.type, 'counter');
  assert.deepEqual(of('hierarchical_memory_limit'), {});
  assert.equal(
    vmstat.logged.filter((line) => line.includes('cannot be read')).length,
    2,
    'once for each scrape',
  );
});

test('options say which keys are shown', async () => {
  using proc = host();
  await using vmstat = await CollectorHarness.load('memory_vmstat', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    options: { include: '', exclude: 'nr_.*', container_include: 'anon', container_exclude: '' },
    containers: [container('two', { unified: proc.write('v2/memory.stat', V2) })],
  });
  const names = [...(await vmstat.scrape()).keys()].filter((name) => name.startsWith(HOST));
  assert.deepEqual(names.map((name) => name.slice(HOST.length + 1)).sort(), [
    'allocstall_normal',
    'container_anon',
    'numa_hit',
    'pgscan_direct_throttle',
  ]);
});
