import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onlineCpus, readCpuFrequency, readCpuThrottling } from '../../src/procfs/cpu-frequency.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

const CPU = 'devices/system/cpu/cpu3';

/** A core of an Intel server, as Linux 6.1 shows it. */
function host(): FixtureProc {
  const sys = new FixtureProc();
  const files = {
    'cpufreq/scaling_cur_freq': '2100000\n',
    'cpufreq/scaling_min_freq': '800000\n',
    'cpufreq/scaling_max_freq': '3400000\n',
    'cpufreq/cpuinfo_min_freq': '800000\n',
    'cpufreq/cpuinfo_max_freq': '3900000\n',
    'thermal_throttle/core_throttle_count': '17\n',
    'thermal_throttle/core_throttle_total_time_ms': '2500\n',
    'thermal_throttle/package_throttle_count': '40\n',
    'topology/core_id': '1\n',
    'topology/physical_package_id': '0\n',
  };
  for (const [file, text] of Object.entries(files)) sys.write(`${CPU}/${file}`, text);
  return sys;
}

test('frequencies are in hertz', () => {
  using sys = host();
  assert.deepEqual(readCpuFrequency(sys.directory, 3), {
    current_hertz: 2.1e9,
    lowest_hertz: 0.8e9,
    highest_hertz: 3.4e9,
    hardwareLowest_hertz: 0.8e9,
    hardwareHighest_hertz: 3.9e9,
  });
});

test('what a driver does not know is absent', () => {
  using sys = host();
  sys.write(`${CPU}/cpufreq/scaling_cur_freq`, '<unknown>\n');
  assert.equal('current_hertz' in readCpuFrequency(sys.directory, 3), false);
  assert.deepEqual(readCpuFrequency(sys.directory, 4), {});
});

test('throttling names core and package; times are absent before Linux 5.6', () => {
  using sys = host();
  assert.deepEqual(readCpuThrottling(sys.directory, 3), {
    packageId: '0',
    coreId: '1',
    core: { times: 17, seconds: 2.5 },
    package: { times: 40 },
  });
  assert.equal(readCpuThrottling(sys.directory, 4), undefined);
});

test('the CPUs that are online', () => {
  using sys = new FixtureProc();
  assert.deepEqual(onlineCpus(sys.directory), []);
  sys.write('devices/system/cpu/online', '0-2,5\n');
  assert.deepEqual(onlineCpus(sys.directory), [0, 1, 2, 5]);
});
