/** The temperature collector over sensors as drivers show them. */
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSensors, readThermalZones } from '../../../src/procfs/hwmon.ts';
import { memoryLog } from '../../storage/journal/fixture.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const load = ({ directory }: FixtureProc): Promise<CollectorHarness> =>
  CollectorHarness.load('temperature', { paths: { procfs: '/nonexistent', sysfs: directory } });

test('temperatures, critical ones and fans, by the names that drivers give', async () => {
  using files = new FixtureProc();
  const write = (file: string, text: string): unknown => files.write(`class/hwmon/${file}`, `${text}\n`);
  write('hwmon0/name', 'coretemp');
  write('hwmon0/temp1_label', 'Package id 0');
  write('hwmon0/temp1_input', '47000');
  write('hwmon0/temp1_crit', '100000');
  write('hwmon1/name', 'nct6775');
  write('hwmon1/temp3_input', '-8500');
  write('hwmon1/fan2_input', '1301');
  write('hwmon1/in0_input', '1008');
  symlinkSync('../../../0000:00:1f.0', join(files.directory, 'class/hwmon/hwmon1/device'));
  files.write('class/thermal/thermal_zone2/type', 'x86_pkg_temp\n');
  files.write('class/thermal/thermal_zone2/temp', '48500\n');
  files.write('class/thermal/cooling_device0/type', 'Processor\n');
  await using temperature = await load(files);
  assert.deepEqual(promlint(await temperature.page()), []);
  const page = await temperature.scrape();
  const core = { chip: 'coretemp', device: 'hwmon0', sensor: 'Package id 0' };
  assert.equal(sampleValue(page, 'huatuo_sensor_temperature_celsius', core), 47);
  assert.equal(sampleValue(page, 'huatuo_sensor_critical_temperature_celsius'), 100);
  const board = { chip: 'nct6775', device: '0000:00:1f.0' };
  assert.equal(sampleValue(page, 'huatuo_sensor_temperature_celsius', board), -8.5);
  assert.equal(sampleValue(page, 'huatuo_sensor_fan_rpm', { ...board, sensor: 'fan2' }), 1301);
  const zone = { zone: 'thermal_zone2', type: 'x86_pkg_temp' };
  assert.equal(sampleValue(page, 'huatuo_thermal_zone_celsius', zone), 48.5);
});

test('a sensor that does not answer is left out, and costs no other one', async () => {
  using files = new FixtureProc();
  files.write('class/hwmon/hwmon0/name', 'nvme\n');
  files.write('class/hwmon/hwmon0/temp1_input/unreadable', '');
  files.write('class/hwmon/hwmon0/temp2_input', '39850\n');
  files.write('class/thermal/thermal_zone0/temp/unreadable', '');
  await using temperature = await load(files);
  const page = await temperature.scrape();
  assert.equal(sampleValue(page, 'huatuo_sensor_temperature_celsius', { sensor: 'temp2' }), 39.85);
  assert.equal(samplesOf(page, 'huatuo_sensor_temperature_celsius').length, 1);
});

test('a machine without sensors has no series, and that is no failure', async () => {
  using files = new FixtureProc();
  await using temperature = await load(files);
  assert.doesNotMatch(await temperature.page(), /huatuo_(sensor|thermal)_\w+[ {]\S* ?\d/);
});

test('whatever a driver prints, a temperature is a number or there is none', () => {
  using files = new FixtureProc();
  files.write('class/hwmon/hwmon0/name', 'x\n');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      files.write('class/hwmon/hwmon0/temp1_input', text);
      files.write('class/thermal/thermal_zone0/temp', text);
      const sensors = readSensors(files.directory, memoryLog());
      assert.ok(sensors.every(({ value }) => Number.isFinite(value)));
      const zones = readThermalZones(files.directory, memoryLog());
      assert.ok(zones.every(({ celsius }) => Number.isFinite(celsius)));
    }),
  );
});
