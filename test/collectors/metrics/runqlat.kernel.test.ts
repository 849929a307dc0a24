/** The run queue collector on the real scheduler. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/harness-containers.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const skip = skipWithoutBpf();
const WAIT = 'huatuo_runqueue_wait_seconds';
const CONTAINER_WAITS = 'huatuo_bamai_runqlat_container_latency';

const bounds = (page: ReadonlyMap<string, PageFamily>): number[] =>
  samplesOf(page, `${WAIT}_bucket`).map(({ labels }) => Number(labels.le?.replace('Inf', 'Infinity')));

async function waitsCounted(runqlat: CollectorHarness): Promise<ReadonlyMap<string, PageFamily>> {
  return eventually('the scheduler to have switched tasks', async () => {
    const page = await runqlat.scrape();
    return samplesOf(page, `${WAIT}_count`)[0]?.value ? page : undefined;
  });
}

test('waits are counted once in a cumulative histogram and once in a zone', { skip }, async () => {
  await using runqlat = await CollectorHarness.load('runqlat');
  const before = await waitsCounted(runqlat);
  const page = await runqlat.scrape();
  const after = await runqlat.scrape();
  const buckets = samplesOf(page, `${WAIT}_bucket`).map(({ value }) => value);
  assert.deepEqual(
    bounds(page),
    bounds(page).toSorted((a, b) => a - b),
  );
  assert.equal(bounds(page)[0], 1.024e-6);
  assert.equal(bounds(page).at(-1), Infinity);
  assert.deepEqual(
    buckets,
    buckets.toSorted((a, b) => a - b),
    'cumulative',
  );
  const count = sampleValue(page, `${WAIT}_count`);
  assert.equal(buckets.at(-1), count);

  const zones = samplesOf(page, 'huatuo_bamai_runqlat_latency');
  assert.deepEqual(
    zones.map(({ labels }) => labels.zone),
    ['0', '1', '2', '3'],
  );
  // CPUs go on counting while both are read, so each is held against what the other was before and after.
  const inZones = zones.reduce((sum, { value }) => sum + value, 0);
  const [least, most] = [before, after].map((other) => sampleValue(other, `${WAIT}_count`));
  assert.ok(
    least! <= inZones && inZones <= most!,
    `${inZones} waits in zones, from ${least} to ${most} counted`,
  );
  const mean_seconds = sampleValue(page, `${WAIT}_sum`) / count;
  assert.ok(mean_seconds > 0 && mean_seconds < 10, `a mean wait of ${mean_seconds} s`);
});

test('counters only rise from one scrape to the next', { skip }, async () => {
  await using runqlat = await CollectorHarness.load('runqlat');
  const before = await waitsCounted(runqlat);
  const after = await eventually('more waits', async () => {
    const page = await runqlat.scrape();
    return sampleValue(page, `${WAIT}_count`) > sampleValue(before, `${WAIT}_count`) ? page : undefined;
  });
  for (const name of [
    `${WAIT}_bucket`,
    'huatuo_bamai_runqlat_latency',
    'huatuo_interruptible_wait_seconds_count',
  ]) {
    for (const { labels, value } of samplesOf(before, name))
      assert.ok(sampleValue(after, name, labels) >= value, `${name} ${JSON.stringify(labels)}`);
  }
});

test('waits of the tasks in a cgroup are those of its container, and of no other', {
  skip: skip || skipWithoutController('cpu'),
}, async () => {
  await using cgroup = TestCgroup.make('cpu', `/huatuo-runqlat-${process.pid}`);
  const busy = container('busy', { cpu: cgroup.path }, [cgroup.inode]);
  const idle = container('idle', { cpu: '/nonexistent' }, [1n << 40n]);
  await using runqlat = await CollectorHarness.load('runqlat', { containers: [busy, idle] });
  const task = spawn('sh', ['-c', 'while sleep 0.01; do :; done'], { stdio: 'ignore' });
  try {
    cgroup.add(task.pid ?? 0);
    const page = await eventually('waits of the task', async () => {
      const read = await runqlat.scrape();
      return samplesOf(read, CONTAINER_WAITS).some(({ value }) => value > 0) && read;
    });
    const series = samplesOf(page, CONTAINER_WAITS);
    assert.deepEqual(
      series.map(({ labels: { container_id, zone } }) => [container_id, zone]),
      ['0', '1', '2', '3'].map((zone) => ['busy', zone]),
    );
    await runqlat.recordMaps();
  } finally {
    const ended = once(task, 'exit');
    task.kill('SIGKILL');
    // The sleep(1) that it waited for ends by itself; the cgroup is removed when it has.
    await ended;
  }
});
