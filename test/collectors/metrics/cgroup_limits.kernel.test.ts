/** Collectors of cgroup files against what real cgroups do to a process: CPU quotas, limits on processes, pressure. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { BusyProcesses } from '../../support/busy.ts';
import { hierarchyOf, skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/harness-containers.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const skip = process.getuid?.() !== 0 && 'needs root';
const NAME = `/huatuo-limits-${process.pid}`;
const FORKS = 7;

/** Directories as a container of this host has them. */
const directoriesOf = (cgroup: TestCgroup, controller: string): Record<string, string> => ({
  [cgroup.version === 1 ? controller : 'unified']: cgroup.path,
});

test('a quota that throttles is counted as the kernel counts it', {
  skip: skip || skipWithoutController('cpu'),
}, async () => {
  await using cgroup = TestCgroup.make('cpu', NAME);
  const tenPercent = { 1: ['cpu.cfs_quota_us', '10000'], 2: ['cpu.max', '10000 100000'] } as const;
  const [file, quota] = tenPercent[cgroup.version];
  writeFileSync(join(cgroup.path, file), quota);
  await using cpuStat = await CollectorHarness.load('cpu_stat', {
    containers: [container('web', directoriesOf(cgroup, 'cpu'))],
  });
  {
    await using busy = new BusyProcesses(1);
    for (const pid of busy.pids) cgroup.add(pid);
    await eventually('it to be throttled', async () => {
      const page = await cpuStat.scrape();
      return sampleValue(page, 'huatuo_bamai_cpu_stat_container_nr_throttled') > 2;
    });
  }
  const page = await cpuStat.scrape();
  const kernel = readFileSync(join(cgroup.path, 'cpu.stat'), 'utf8');
  const said = (key: string): number => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(kernel)?.[1]);
  assert.equal(sampleValue(page, 'huatuo_bamai_cpu_stat_container_nr_throttled'), said('nr_throttled'));
  const throttled_ns = cgroup.version === 1 ? said('throttled_time') : said('throttled_usec') * 1000;
  assert.ok(throttled_ns > 0);
  assert.equal(sampleValue(page, 'huatuo_bamai_cpu_stat_container_throttled_time'), throttled_ns);
  assert.ok(sampleValue(page, 'huatuo_container_cpu_periods_total') >= said('nr_throttled'));
});

test('forks that a limit refuses are counted, each of them', {
  skip: skip || skipWithoutController('pids'),
}, async () => {
  await using cgroup = TestCgroup.make('pids', NAME);
  await using processes = await CollectorHarness.load('processes', {
    containers: [container('web', directoriesOf(cgroup, 'pids'))],
  });
  writeFileSync(join(cgroup.path, 'pids.max'), '1');
  for (let i = 0; i < FORKS; i++)
    spawnSync('sh', ['-c', 'echo $$ > "$1/cgroup.procs"; /bin/true; exit 0', 'sh', cgroup.path]);
  const page = await processes.scrape();
  assert.equal(sampleValue(page, 'huatuo_container_forks_refused_total'), FORKS);
  assert.equal(sampleValue(page, 'huatuo_container_threads_limit'), 1);
  assert.equal(sampleValue(page, 'huatuo_container_threads'), 0);
});

test('two tasks on one CPU are pressure, of the container too', {
  skip: skip || (hierarchyOf('unified') ? false : 'this host has no cgroup v2'),
}, async () => {
  await using cgroup = TestCgroup.make('unified', NAME);
  await using pressure = await CollectorHarness.load('pressure', {
    containers: [container('web', { unified: cgroup.path })],
  });
  const totals = async (): Promise<(number | undefined)[]> => {
    const page = await pressure.scrape();
    const labels = { resource: 'cpu', stall: 'some' };
    return ['huatuo_pressure_stalled_seconds_total', 'huatuo_container_pressure_stalled_seconds_total'].map(
      (name) => samplesOf(page, name, labels)[0]?.value,
    );
  };
  const [hostBefore] = await totals();
  await using busy = new BusyProcesses(2, { cpu: 0 });
  for (const pid of busy.pids) cgroup.add(pid);
  await eventually('the stalls to be counted', async () => {
    const [host, web] = await totals();
    return web! > 0 && host! > hostBefore!;
  });
});
