/** Metrics that containers and units have in common: two families of one declaration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workloadLabels } from '../../src/sdk/container.ts';
import { createInstruments } from '../../src/sdk/instruments.ts';
import { allocateSeries, KeptSeries } from '../../src/sdk/kept-series.ts';
import { counter, gauge, histogram, WORKLOAD_LABELS } from '../../src/sdk/metrics.ts';
import { container } from '../support/containers-fixture.ts';
import { familiesOf } from '../support/families.ts';

const web = workloadLabels(container({ id: 'a', name: 'web' }));
const nginx = workloadLabels({ id: 'nginx.service', cgroups: {}, cgroupIds: [] });

const SPECS = {
  usage: gauge({
    name: 'test_container_usage_bytes',
    help: 'Memory of the container.',
    labels: WORKLOAD_LABELS,
  }),
  kills: counter({ name: 'test_kills_total', help: 'Kills.', labels: ['device', ...WORKLOAD_LABELS] }),
  waits: histogram({
    name: 'test_container_{key}_seconds',
    help: 'Waits for {key} of the container.',
    labels: ['key', ...WORKLOAD_LABELS],
    buckets: [1],
  }),
};

function page(set: { collect(): Parameters<typeof familiesOf>[0] }) {
  return familiesOf(set.collect()).filter(({ name }) => name.startsWith('test_'));
}

test('a series is in the family of its owner, with its labels alone', () => {
  const set = createInstruments('tester', SPECS);
  const { usage, kills, waits } = set.instruments;
  usage.set(1, web);
  usage.set(2, nginx);
  kills.add(3, { device: 'sda', ...nginx });
  waits.set([1, 0], 4, { key: 'cpu', ...nginx });
  const families = page(set);
  assert.deepEqual(
    families.map(({ name, help }) => [name, help]),
    [
      ['test_container_usage_bytes', 'Memory of the container.'],
      ['test_unit_usage_bytes', 'Memory of the unit.'],
      ['test_unit_kills_total', 'Kills.'],
      ['test_unit_cpu_seconds', 'Waits for cpu of the unit.'],
    ],
  );
  const [containers, units, killed] = families;
  const { systemd_unit: _, ...own } = web;
  assert.deepEqual(containers?.samples[0]?.labels, own);
  assert.deepEqual(units?.samples[0]?.labels, { systemd_unit: 'nginx.service' });
  assert.deepEqual(killed?.samples[0]?.labels, { device: 'sda', systemd_unit: 'nginx.service' });
});

test('what was counted is there after a restart of the worker, and goes when its owner is over', () => {
  const memory = allocateSeries();
  const before = createInstruments('tester', SPECS, { kept: new KeptSeries(memory) });
  before.instruments.kills.add(1, { device: 'sda', ...web });
  before.instruments.kills.add(2, { device: 'sda', ...nginx });
  const after = createInstruments('tester', SPECS, { kept: new KeptSeries(memory) });
  after.instruments.kills.add(1, { device: 'sda', ...nginx });
  assert.deepEqual(
    page(after).map(({ name, samples }) => [name, samples[0]?.value]),
    [
      ['test_kills_total', 1],
      ['test_unit_kills_total', 3],
    ],
  );
  after.forget((id) => id === 'nginx.service');
  assert.deepEqual(
    page(after).map(({ name }) => name),
    ['test_kills_total'],
  );
});

test('series of units are in the budget of their collector', () => {
  const set = createInstruments('tester', SPECS, { maxSeries: 1 });
  set.instruments.usage.set(1, web);
  set.instruments.usage.set(2, nginx);
  assert.deepEqual([page(set).length, set.refusedSeries], [1, 1]);
});

test('a metric of units without the labels of containers is refused', () => {
  const half = { help: 'Half.', type: 'gauge', labels: ['systemd_unit'], name: 'test_half' } as const;
  assert.throws(() => createInstruments('tester', { half }), /WORKLOAD_LABELS/);
});
