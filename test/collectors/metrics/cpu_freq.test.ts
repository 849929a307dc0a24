/** The cpu_freq collector over a host that the test makes up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const load = (sys: FixtureProc): Promise<CollectorHarness> =>
  CollectorHarness.load('cpu_freq', { paths: { ...HOST_PATHS, sysfs: sys.directory } });

/** Two hyperthreads of one core, and one of another package. */
function host(): FixtureProc {
  const sys = new FixtureProc();
  sys.write('devices/system/cpu/online', '0-2\n');
  for (const [cpu, packageId] of [0, 0, 1].entries()) {
    const write = (file: string, value: number): string =>
      sys.write(`devices/system/cpu/cpu${cpu}/${file}`, `${value}\n`);
    write('cpufreq/scaling_cur_freq', 2_000_000 + cpu);
    write('cpufreq/scaling_min_freq', 800_000);
    write('cpufreq/scaling_max_freq', 3_000_000);
    write('cpufreq/cpuinfo_min_freq', 800_000);
    write('cpufreq/cpuinfo_max_freq', 3_900_000);
    write('thermal_throttle/core_throttle_count', 7);
    write('thermal_throttle/core_throttle_total_time_ms', 1500);
    write('thermal_throttle/package_throttle_count', 9);
    write('thermal_throttle/package_throttle_total_time_ms', 2500);
    write('topology/core_id', 0);
    write('topology/physical_package_id', packageId);
  }
  return sys;
}

test('frequencies and limits of each CPU; throttling of each core and package, once', async () => {
  using sys = host();
  await using cpuFreq = await load(sys);
  assert.deepEqual(promlint(await cpuFreq.page()), []);
  const page = await cpuFreq.scrape();
  assert.deepEqual(
    samplesOf(page, 'huatuo_cpu_frequency_hertz').map(({ labels, value }) => [labels.cpu, value]),
    [
      ['0', 2_000_000_000],
      ['1', 2_000_001_000],
      ['2', 2_000_002_000],
    ],
  );
  const limit = { cpu: '2', limit: 'highest' };
  assert.equal(sampleValue(page, 'huatuo_cpu_frequency_limit_hertz', limit), 3e9);
  assert.equal(sampleValue(page, 'huatuo_cpu_frequency_hardware_limit_hertz', limit), 3.9e9);
  assert.deepEqual(
    samplesOf(page, 'huatuo_cpu_core_throttles_total').map(({ labels, value }) => [
      labels.package,
      labels.core,
      value,
    ]),
    [
      ['0', '0', 7],
      ['1', '0', 7],
    ],
  );
  assert.equal(sampleValue(page, 'huatuo_cpu_core_throttled_seconds_total', { package: '1' }), 1.5);
  assert.equal(sampleValue(page, 'huatuo_cpu_package_throttles_total', { package: '0' }), 9);
  assert.equal(sampleValue(page, 'huatuo_cpu_package_throttled_seconds_total', { package: '0' }), 2.5);
});

test('a CPU that cannot be read costs its own samples, one that is off line has none', async () => {
  using sys = host();
  sys.write('devices/system/cpu/online', '0-1,3\n');
  // A directory in place of the file: reading it fails with something else than "gone".
  sys.write('devices/system/cpu/cpu3/cpufreq/cpuinfo_max_freq/x', '');
  await using cpuFreq = await load(sys);
  const page = await cpuFreq.scrape();
  assert.deepEqual(
    samplesOf(page, 'huatuo_cpu_frequency_hertz').map(({ labels }) => labels.cpu),
    ['0', '1'],
  );
  assert.equal(cpuFreq.logged.length, 1);
});

test('a host without frequencies has no series, and that is no failure', async () => {
  using sys = new FixtureProc();
  sys.write('devices/system/cpu/online', '0-1\n');
  await using cpuFreq = await load(sys);
  assert.deepEqual(
    [...(await cpuFreq.scrape()).keys()].filter((name) => name.includes('_cpu_')),
    [],
  );
});
