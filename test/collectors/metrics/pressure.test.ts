/** The pressure collector over a host that the test makes up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const stalls = (total_us: number): string =>
  ['some', 'full'].map((kind) => `${kind} avg10=1.58 avg60=8.73 avg300=15.66 total=${total_us}\n`).join('');

test('the host and the containers of the v2 hierarchy, by resource and kind of stall', async () => {
  using proc = new FixtureProc();
  for (const resource of ['cpu', 'memory', 'io']) proc.write(`pressure/${resource}`, stalls(1_500_000));
  proc.write('pressure/irq', stalls(250_000).split('\n')[1]!);
  const unified = proc.write('web/cpu.pressure', stalls(500_000));
  await using pressure = await CollectorHarness.load('pressure', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    containers: [
      container('web', { unified }),
      container('old', { cpu: proc.write('old/cpu.pressure', stalls(1)) }),
    ],
  });
  assert.deepEqual(promlint(await pressure.page()), []);
  const page = await pressure.scrape();
  assert.deepEqual(
    samplesOf(page, 'huatuo_pressure_stalled_seconds_total').map(({ labels, value }) => [
      `${labels.resource} ${labels.stall}`,
      value,
    ]),
    [
      ['cpu some', 1.5],
      ['memory some', 1.5],
      ['memory full', 1.5],
      ['io some', 1.5],
      ['io full', 1.5],
      ['irq full', 0.25],
    ],
  );
  const io = { resource: 'io', stall: 'full' };
  assert.equal(sampleValue(page, 'huatuo_pressure_stalled_ratio', { ...io, seconds: '60' }), 0.0873);
  assert.deepEqual(
    samplesOf(page, 'huatuo_container_pressure_stalled_seconds_total').map(({ labels, value }) => [
      labels.container_id,
      labels.stall,
      value,
    ]),
    [
      ['web', 'some', 0.5],
      ['web', 'full', 0.5],
    ],
  );
  assert.equal(samplesOf(page, 'huatuo_container_pressure_stalled_ratio').length, 2 * 3);
});

test('averages of containers can be left out', async () => {
  using proc = new FixtureProc();
  const unified = proc.write('web/io.pressure', stalls(1));
  await using pressure = await CollectorHarness.load('pressure', {
    options: { container_averages: false },
    containers: [container('web', { unified })],
  });
  const page = await pressure.scrape();
  assert.equal(samplesOf(page, 'huatuo_container_pressure_stalled_seconds_total').length, 2);
  assert.deepEqual(samplesOf(page, 'huatuo_container_pressure_stalled_ratio'), []);
});

test('a kernel without it has no series, and that is no failure', async () => {
  using proc = new FixtureProc();
  await using pressure = await CollectorHarness.load('pressure', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
  });
  const page = await pressure.scrape();
  assert.deepEqual(
    [...page.keys()].filter((name) => name.includes('pressure_')),
    [],
  );
});
