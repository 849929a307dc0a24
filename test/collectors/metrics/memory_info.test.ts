/** Collectors of the host's memory over files that the test makes up, and over those of this host. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { rowName } from '../../../src/collectors/metrics/memory_info.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

test('memory_info: rows in bytes by their own names, huge pages of each size', async () => {
  using files = new FixtureProc();
  const paths = { procfs: files.directory, sysfs: files.directory };
  files.write('meminfo', 'MemTotal:  16 kB\nActive(anon): 4 kB\nHugePages_Total: 7\nHugepagesize: 2048 kB\n');
  files.write('kernel/mm/hugepages/hugepages-2048kB/nr_hugepages', '7\n');
  files.write('kernel/mm/hugepages/hugepages-2048kB/free_hugepages', '3\n');
  await using info = await CollectorHarness.load('memory_info', { paths });
  assert.deepEqual(promlint(await info.page()), []);
  const page = await info.scrape();
  assert.equal(sampleValue(page, 'huatuo_memory_info_mem_total_bytes'), 16_384);
  assert.equal(sampleValue(page, 'huatuo_memory_info_active_anon_bytes'), 4096);
  const size = { page_bytes: '2097152' };
  assert.equal(sampleValue(page, 'huatuo_memory_hugepages_allocated', size), 7);
  assert.equal(sampleValue(page, 'huatuo_memory_hugepages_free', size), 3);
  assert.equal(page.has('huatuo_memory_hugepages_surplus'), false);
});

test('memory_info: words of rows are told apart as the kernel writes them', () => {
  const rows = [
    'MemAvailable',
    'Active(anon)',
    'Committed_AS',
    'SReclaimable',
    'DirectMap4k',
    'NFS_Unstable',
  ];
  assert.deepEqual(rows.map(rowName), [
    'mem_available',
    'active_anon',
    'committed_as',
    'sreclaimable',
    'direct_map4k',
    'nfs_unstable',
  ]);
});

test('memory_info of this host has the rows of its file', async () => {
  await using info = await CollectorHarness.load('memory_info');
  const text = await info.page();
  assert.deepEqual(promlint(text), []);
  const total_kb = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
  assert.equal(sampleValue(await info.scrape(), 'huatuo_memory_info_mem_total_bytes'), total_kb * 1024);
  assert.equal(
    text.match(/^huatuo_memory_info_\S+ /gm)?.length,
    readFileSync('/proc/meminfo', 'utf8').match(/kB$/gm)?.length,
  );
});

test('memory_buddyinfo: one series for each order of each zone', async () => {
  using files = new FixtureProc();
  files.write(
    'buddyinfo',
    'Node 0, zone      DMA      1      0      3 \nNode 1, zone   Normal    321    337    672 \n',
  );
  await using buddyinfo = await CollectorHarness.load('memory_buddyinfo', {
    paths: { procfs: files.directory, sysfs: files.directory },
  });
  assert.deepEqual(promlint(await buddyinfo.page()), []);
  const blocks = samplesOf(await buddyinfo.scrape(), 'huatuo_bamai_memory_buddyinfo_blocks');
  assert.equal(blocks.length, 6);
  const [normal] = blocks.filter(({ labels }) => labels.zone === 'Normal' && labels.order === '2');
  assert.deepEqual([normal?.labels.node, normal?.value], ['1', 672]);
});

test('memory_numa: allocations and memory of each node', async () => {
  using files = new FixtureProc();
  files.write('devices/system/node/node1/numastat', 'numa_hit 7\nnuma_miss 1\n');
  files.write('devices/system/node/node1/meminfo', 'Node 1 MemTotal: 8 kB\nNode 1 MemFree: 4 kB\n');
  await using numa = await CollectorHarness.load('memory_numa', {
    paths: { procfs: files.directory, sysfs: files.directory },
  });
  assert.deepEqual(promlint(await numa.page()), []);
  const page = await numa.scrape();
  const node = { node: '1' };
  assert.equal(sampleValue(page, 'huatuo_bamai_memory_numa_numa_miss_pages_total', node), 1);
  assert.equal(sampleValue(page, 'huatuo_memory_numa_free_bytes', node), 4096);
  assert.equal(page.has('huatuo_memory_numa_slab_bytes'), false);
});

test('memory_slab: caches from a size on', async () => {
  using files = new FixtureProc();
  const cache = (name: string, slabs: number): string =>
    `${name} 10 20 512 8 1 : tunables 0 0 0 : slabdata ${slabs} ${slabs} 0\n`;
  files.write('slabinfo', cache('small', 1) + cache('large', 1024));
  await using some = await CollectorHarness.load('memory_slab', {
    paths: { procfs: files.directory, sysfs: files.directory },
  });
  assert.deepEqual(promlint(await some.page()), []);
  assert.deepEqual(
    samplesOf(await some.scrape(), 'huatuo_memory_slab_bytes').map(({ labels, value }) => [
      labels.cache,
      value,
    ]),
    [['large', 4 << 20]],
  );
});
