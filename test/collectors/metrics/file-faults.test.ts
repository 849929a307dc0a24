/** All collectors over files together, when files, containers and threads are not as they should be, and with several scrapers. */
import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keepClock } from '../../../src/kernel/clock-keeper.ts';
import type { Container } from '../../../src/sdk/container.ts';
import { eventually } from '../../support/eventually.ts';
import { FileAgent } from '../../support/file-agent.ts';
import { FixtureHost } from '../../support/fixture-host.ts';
import { parsePage, samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

keepClock();

const REFUSED = 'huatuo_collector_refused_series_total';

/** Sample lines that are not about the scrape itself. */
const samplesIn = (text: string): string[] =>
  text.split('\n').filter((line) => /^huatuo/.test(line) && !/^huatuo\w*_(scrape|collector)_/.test(line));

/** Rates over the newest two samples, which are shown until the next one. */
const SAMPLED = /^huatuo_bamai_cpu_(util_container_|stat_container_wait_sum_percent)/;

/** Lines of a page but those rates, which change when the collectors' own clock says so. */
const still = (page: string): string[] => samplesIn(page).filter((line) => !SAMPLED.test(line));

const of =
  ({ id }: Container) =>
  (line: string): boolean =>
    line.includes(id);

/** Puts a directory in the place of each file: reading it fails, whoever reads. */
function makeUnreadable(path: string): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) {
    for (const name of readdirSync(path)) makeUnreadable(join(path, name));
  } else if (stat.isFile()) {
    rmSync(path);
    mkdirSync(path);
  }
}

const steady = (agent: FileAgent): Promise<string> =>
  eventually('rates over two samples', async () => {
    const { text } = await agent.scrape();
    return text.includes('# TYPE huatuo_bamai_cpu_util_container_total ') && text;
  });

for (const name of ['v1', 'v2', 'hybrid'] as const) {
  test(`a container of a ${name} host of which nothing can be read costs its own samples`, async () => {
    using host = new FixtureHost(name);
    const { paths, docker, inPod } = host;
    await using agent = await FileAgent.start({ paths, containers: [docker, inPod] });
    const before = still(await steady(agent));
    for (const directory of new Set(Object.values(docker.cgroups))) makeUnreadable(directory);
    makeUnreadable(join(paths.procfs, String(docker.initPid), 'net'));
    const { text, faults } = await agent.scrape();
    assert.deepEqual([...faults], []);
    const after = still(text);
    const isIts = of(docker);
    assert.deepEqual(
      after.filter((line) => !isIts(line)),
      before.filter((line) => !isIts(line)),
    );
    assert.ok(before.filter(isIts).length > 100);
    assert.deepEqual(after.filter(isIts), []);
  });
}

/** What breaks, and whose samples are gone with it. Another device of the same kind has its own. */
const DEVICES: Readonly<Record<string, RegExp>> = {
  'sys/devices/system/cpu/cpu1/cpufreq':
    /^huatuo_cpu_frequency_\w+\{cpu="1"|_cpu_core_\w+\{package="0",core="1"/,
  'sys/block/md0/md': /^huatuo_mdraid_\w+\{device="md0"/,
  'sys/block/dm-0/dm': /^huatuo_diskio_device_mapper_info\{device="dm-0"/,
  'sys/fs/xfs/sdb1/stats': /^huatuo_xfs_\w+\{device="sdb1"/,
  'sys/devices/system/node/node0': /^huatuo_(bamai_)?memory_numa_\w+\{node="0"/,
  'sys/kernel/mm/hugepages/hugepages-2048kB': /^huatuo_memory_hugepages_\w+\{page_bytes="2097152"/,
};

test('a device that cannot be read costs its own samples', async () => {
  using host = new FixtureHost('v2');
  const { paths, docker, inPod } = host;
  await using agent = await FileAgent.start({ paths, containers: [docker, inPod] });
  const before = still(await steady(agent));
  for (const path of Object.keys(DEVICES)) makeUnreadable(join(host.directory, path));
  const after = new Set(still((await agent.scrape()).text));
  const gone = before.filter((line) => !after.has(line));
  const owners = Object.values(DEVICES);
  assert.deepEqual(
    gone.filter((line) => !owners.some((own) => own.test(line))),
    [],
  );
  for (const own of owners) assert.ok(gone.some((line) => own.test(line)));
});

test('series of what is gone are gone from the next page', async () => {
  using host = new FixtureHost('v2');
  const { paths, docker, inPod } = host;
  await using agent = await FileAgent.start({ paths, containers: [docker, inPod] });
  const before = still(await steady(agent));
  assert.ok(before.some((line) => line.includes('device="dm-0"')));
  await agent.containers.remove(docker);
  const [sda = ''] = readFileSync(join(paths.procfs, 'diskstats'), 'utf8').split('\n');
  host.write('proc/diskstats', `${sda}\n`);
  const after = still((await agent.scrape()).text);
  assert.deepEqual(after.filter(of(docker)), []);
  assert.deepEqual(
    after.filter((line) => /^huatuo_(bamai_)?diskio_\w+\{device="dm-0"/.test(line)),
    [],
  );
  assert.equal(after.filter(of(inPod)).length, before.filter(of(inPod)).length);
});

test('a collector has no more series than it may, and counts what it has refused', async () => {
  using host = new FixtureHost('v2');
  const { paths, docker, inPod } = host;
  const collectors = ['netstat', 'loadavg'];
  await using agent = await FileAgent.start({ paths, containers: [docker, inPod], collectors, maxSeries: 7 });
  const { text, faults } = await agent.scrape();
  assert.deepEqual([...faults], []);
  assert.deepEqual(promlint(text), []);
  assert.equal(still(text).filter((line) => line.includes('_netstat_')).length, 7);
  const page = parsePage(text);
  const refused = sampleValue(page, REFUSED, { collector: 'netstat' });
  assert.ok(refused > 0);
  assert.equal(sampleValue(page, REFUSED, { collector: 'loadavg' }), 0);
  const next = parsePage((await agent.scrape()).text);
  assert.equal(sampleValue(next, REFUSED, { collector: 'netstat' }), 2 * refused);
});

test('all scrapers see the same, however many there are and however often they ask', async () => {
  using host = new FixtureHost('v2');
  const { paths, docker, inPod } = host;
  await using agent = await FileAgent.start({ paths, containers: [docker, inPod] });
  await steady(agent);
  const once = still((await agent.scrape()).text);
  const atOnce = await Promise.all([agent.scrape(), agent.scrape()]);
  for (const { text } of atOnce) assert.deepEqual(still(text), once);
  for (let again = 0; again < 5; again++) assert.deepEqual(still((await agent.scrape()).text), once);
});

test('counters do not fall when a thread is ended, not even those that the kernel lets fall a little', async () => {
  using host = new FixtureHost('v2');
  const { paths, docker, inPod } = host;
  const collectors = ['cpu_util', 'netstat', 'memory_vmstat'];
  await using agent = await FileAgent.start({
    paths,
    containers: [docker, inPod],
    collectors,
    maxSeries: 200,
  });
  const before = parsePage(await steady(agent));
  await agent.endThread();
  const stat = readFileSync(join(paths.procfs, 'stat'), 'utf8');
  const iowait = / 30504 (?=0 15011)/;
  assert.match(stat, iowait);
  host.write('proc/stat', stat.replace(iowait, ' 30503 '));
  const after = parsePage((await agent.scrape()).text);
  const counters = [...before.values()].filter(({ type }) => type === 'counter');
  assert.ok(counters.length > 20);
  for (const { name, samples } of counters) {
    for (const { labels, value } of samples) {
      const [now] = samplesOf(after, name, labels);
      assert.ok(now && now.value >= value, `${name} ${JSON.stringify(labels)}: ${value}, then ${now?.value}`);
    }
  }
  const key = { collector: 'netstat' };
  assert.ok(sampleValue(after, REFUSED, key) > sampleValue(before, REFUSED, key));
});
