/** Metrics of a real memory cgroup that has come to its limit, against its files. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { PageCache } from '../../support/cgroup-writes.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/harness-containers.ts';
import { skipWithoutRoot } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const MIB = 1 << 20;
const LIMIT_BYTES = 16 * MIB;
const skip = skipWithoutRoot() || skipWithoutController('memory');

test('usage, events and statistics are those that the kernel shows', { skip }, async () => {
  await using cgroup = TestCgroup.make('memory', `/huatuo-usage-${process.pid}/inner`);
  // Not of memory and swap together: Linux 6.18 counts no hits of that one.
  const limit = cgroup.version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
  writeFileSync(join(cgroup.path, limit), String(LIMIT_BYTES));
  const containers = [container('own', { [cgroup.version === 1 ? 'memory' : 'unified']: cgroup.path })];
  await using usage = await CollectorHarness.load('memory_usage', { containers });
  await using events = await CollectorHarness.load('memory_events', { containers });
  await using vmstat = await CollectorHarness.load('memory_vmstat', { containers });
  using _written = await PageCache.fill(cgroup, 48 * MIB);

  const scrape = async (): Promise<ReadonlyMap<string, PageFamily>> =>
    new Map([...(await usage.scrape()), ...(await events.scrape()), ...(await vmstat.scrape())]);
  // Pages become clean and move between lists for a while yet.
  const [page, files] = await eventually('the cgroup to rest', async () => {
    const before = read(cgroup);
    const shown = await scrape();
    return JSON.stringify(before) === JSON.stringify(read(cgroup)) && ([shown, before] as const);
  });
  const own = { container_id: 'own' };
  const memory = (name: string): number => sampleValue(page, `huatuo_container_memory_${name}_bytes`, own);
  assert.equal(memory('usage'), files.usage);
  assert.equal(memory('limit'), LIMIT_BYTES);
  assert.equal(memory('working_set'), files.usage - files.inactive_file);
  assert.equal(sampleValue(page, 'huatuo_bamai_memory_events_container_max', own), files.limit_hits);
  assert.ok(files.limit_hits > 0);
  const stat = (key: string): number => sampleValue(page, `huatuo_bamai_memory_vmstat_container_${key}`, own);
  assert.equal(stat('inactive_file'), files.inactive_file);
  assert.equal(stat('active_file'), files.active_file);
});

test("the kernel's caches add up to what it says of them all", { skip: skipWithoutRoot() }, async () => {
  await using slab = await CollectorHarness.load('memory_slab', { options: { min_size: '0B' } });
  await using info = await CollectorHarness.load('memory_info');
  const caches = samplesOf(await slab.scrape(), 'huatuo_memory_slab_bytes');
  const sum = caches.reduce((all, { value }) => all + value, 0);
  const all = sampleValue(await info.scrape(), 'huatuo_memory_info_slab_bytes');
  // Large objects are in slabs of their own and in no cache; and caches change meanwhile.
  assert.ok(sum > 0.8 * all && sum < 1.1 * all, `${sum} of ${all} bytes`);
});

type Files = Readonly<Record<'usage' | 'inactive_file' | 'active_file' | 'limit_hits', number>>;

/** The same numbers by other programs. */
function read({ path, version }: TestCgroup): Files {
  const number = (pattern: string, file: string): number =>
    Number(execFileSync('sed', ['-nE', `s/${pattern}/\\1/p`, join(path, file)], { encoding: 'utf8' }));
  const prefix = version === 1 ? 'total_' : '';
  return {
    usage: number('^([0-9]+)$', version === 1 ? 'memory.usage_in_bytes' : 'memory.current'),
    inactive_file: number(`^${prefix}inactive_file ([0-9]+)$`, 'memory.stat'),
    active_file: number(`^${prefix}active_file ([0-9]+)$`, 'memory.stat'),
    limit_hits:
      version === 1
        ? number('^([0-9]+)$', 'memory.failcnt') + number('^([0-9]+)$', 'memory.memsw.failcnt')
        : number('^max ([0-9]+)$', 'memory.events'),
  };
}
