/** The interrupts collector over a host that the test makes up, and over this one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

test('what came, by source, vector and CPU; what never came has no series', async () => {
  using proc = new FixtureProc();
  proc.write(
    'interrupts',
    `           CPU0       CPU1
 36:        100         20 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
 37:          0          0 PCI-MSIX-0000:00:02.0   2-edge      virtio1-req.1
LOC:          3          4   Local timer interrupts
`,
  );
  proc.write(
    'softirqs',
    '     CPU0       CPU1\n      HI:          0          0\n  NET_RX:          5          0\n',
  );
  proc.write(
    'stat',
    'cpu  1 2 3 4 5 6 7 8 9 10\nintr 127 0\nctxt 900\nbtime 1795641092\nprocesses 80\nprocs_running 3\nprocs_blocked 1\n',
  );
  await using interrupts = await CollectorHarness.load('interrupts', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
  });
  assert.deepEqual(promlint(await interrupts.page()), []);
  const page = await interrupts.scrape();
  assert.deepEqual(
    samplesOf(page, 'huatuo_interrupts_total').map(({ labels, value }) => [labels.irq, labels.name, value]),
    [
      ['36', 'virtio1-req.0', 120],
      ['LOC', 'Local timer interrupts', 7],
    ],
  );
  assert.deepEqual(
    samplesOf(page, 'huatuo_cpu_interrupts_total').map(({ labels, value }) => [labels.cpu, value]),
    [
      ['0', 103],
      ['1', 24],
    ],
  );
  assert.deepEqual(
    samplesOf(page, 'huatuo_softirqs_total').map(({ labels, value }) => [labels.vector, labels.cpu, value]),
    [['NET_RX', '0', 5]],
  );
  for (const [name, value] of [
    ['huatuo_context_switches_total', 900],
    ['huatuo_boot_time_seconds', 1795641092],
    ['huatuo_forks_total', 80],
    ['huatuo_procs_running', 3],
    ['huatuo_procs_blocked', 1],
  ] as const)
    assert.equal(sampleValue(page, name), value, name);
});

test('reads this host: interrupts by source and by CPU have one sum, but for those of no CPU', async () => {
  await using interrupts = await CollectorHarness.load('interrupts');
  const page = await interrupts.scrape();
  const sum = (name: string): number => samplesOf(page, name).reduce((total, { value }) => total + value, 0);
  const ofNoCpu = samplesOf(page, 'huatuo_interrupts_total')
    .filter(({ labels }) => /^(err|mis)$/i.test(labels.irq ?? ''))
    .reduce((total, { value }) => total + value, 0);
  assert.ok(sum('huatuo_cpu_interrupts_total') > 0);
  assert.equal(sum('huatuo_interrupts_total') - ofNoCpu, sum('huatuo_cpu_interrupts_total'));
});
