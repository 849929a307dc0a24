/** The processes collector over a host that the test makes up, and over this one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const byContainer = (page: ReadonlyMap<string, PageFamily>, name: string): Record<string, number> =>
  Object.fromEntries(samplesOf(page, name).map(({ labels, value }) => [labels.container_id, value]));

test('what there is and what there may be, on the host and in containers of v1 and v2', async () => {
  using proc = new FixtureProc();
  for (const pid of [1, 2, 4711]) proc.write(`${pid}/stat`, '');
  proc.write('loadavg', '3.39 4.57 3.50 2/170 6352\n');
  proc.write('sys/kernel/threads-max', '192730\n');
  proc.write('sys/kernel/pid_max', '32768\n');
  proc.write('sys/fs/file-nr', '1010\t0\t2466170\n');
  proc.write('one/pids.current', '12\n');
  const pids = proc.write('one/pids.max', 'max\n');
  proc.write('two/pids.current', '99\n');
  proc.write('two/pids.max', '100\n');
  const unified = proc.write('two/pids.events', 'max 3\n');
  await using processes = await CollectorHarness.load('processes', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    containers: [container('one', { pids }), container('two', { unified }), container('other', {})],
  });
  assert.deepEqual(promlint(await processes.page()), []);
  const page = await processes.scrape();
  for (const [name, value] of [
    ['huatuo_processes', 3],
    ['huatuo_threads', 170],
    ['huatuo_threads_limit', 192730],
    ['huatuo_pids_limit', 32768],
    ['huatuo_open_files', 1010],
    ['huatuo_open_files_limit', 2466170],
  ] as const)
    assert.equal(sampleValue(page, name), value, name);
  assert.deepEqual(byContainer(page, 'huatuo_container_threads'), { one: 12, two: 99 });
  assert.deepEqual(byContainer(page, 'huatuo_container_threads_limit'), { two: 100 });
  assert.deepEqual(byContainer(page, 'huatuo_container_forks_refused_total'), { two: 3 });
});

test('reads this host', async () => {
  await using processes = await CollectorHarness.load('processes');
  const page = await processes.scrape();
  const [count, threads] = ['huatuo_processes', 'huatuo_threads'].map((name) => sampleValue(page, name));
  assert.ok(count! > 0 && threads! >= count! / 2, `${count} processes, ${threads} threads`);
});
