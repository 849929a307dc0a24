/** The loadavg collector over a host that the test makes up. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Container } from '../../../src/sdk/container.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const RUNNING = 'huatuo_bamai_loadavg_container_nr_running';
const UNINTERRUPTIBLE = 'huatuo_bamai_loadavg_container_nr_uninterruptible';

function host(): FixtureProc {
  const proc = new FixtureProc();
  proc.write('loadavg', '1.50 2.25 3.00 1/88 5433\n');
  return proc;
}

/** A cgroup with one task for each letter of `states`. */
function cgroup(proc: FixtureProc, name: string, firstTid: number, states: string): string {
  const tids = [...states].map((state, index) => {
    const tid = firstTid + index;
    proc.write(`${tid}/task/${tid}/stat`, `${tid} (x) ${state} 1\n`);
    return tid;
  });
  return proc.write(join(name, 'cgroup.threads'), `${tids.join('\n')}\n`);
}

const load = (proc: FixtureProc, containers: readonly Container[]): Promise<CollectorHarness> =>
  CollectorHarness.load('loadavg', { paths: { ...HOST_PATHS, procfs: proc.directory }, containers });

const byContainer = (page: ReadonlyMap<string, PageFamily>, name: string): Record<string, number> =>
  Object.fromEntries(samplesOf(page, name).map(({ labels, value }) => [labels.container_id, value]));

test('load averages of the host and task states of each container', async () => {
  using proc = host();
  await using loadavg = await load(proc, [
    container('busy', { unified: cgroup(proc, 'busy', 100, 'RRDS') }),
    container('idle', { cpu: cgroup(proc, 'idle', 200, 'SS') }),
    container('gone', { unified: join(proc.directory, 'gone') }),
    container('elsewhere', {}),
  ]);
  const page = await loadavg.scrape();
  assert.deepEqual(
    ['load1', 'load5', 'load15'].map((name) => sampleValue(page, `huatuo_bamai_loadavg_${name}`)),
    [1.5, 2.25, 3],
  );
  assert.deepEqual(byContainer(page, RUNNING), { busy: 2, idle: 0, gone: 0 });
  assert.deepEqual(byContainer(page, UNINTERRUPTIBLE), { busy: 1, idle: 0, gone: 0 });
});

test('a container that has ended has no series at the next scrape', async () => {
  using proc = host();
  const [one, two] = ['one', 'two'].map((name, index) =>
    container(name, { unified: cgroup(proc, name, 100 * (index + 1), 'R') }),
  );
  await using loadavg = await load(proc, [one!, two!]);
  assert.deepEqual(byContainer(await loadavg.scrape(), RUNNING), { one: 1, two: 1 });
  await loadavg.containers.remove(one!);
  assert.deepEqual(byContainer(await loadavg.scrape(), RUNNING), { two: 1 });
});

test('a container whose tasks cannot be listed costs only its own samples', async () => {
  using proc = host();
  // A directory in place of the list: reading it fails with something else than "gone".
  const odd = join(proc.write('odd/cgroup.threads/x', ''), '..');
  await using loadavg = await load(proc, [
    container('odd', { unified: odd }),
    container('good', { unified: cgroup(proc, 'good', 100, 'R') }),
  ]);
  assert.deepEqual(byContainer(await loadavg.scrape(), RUNNING), { good: 1 });
});

test('the bound on tasks is told in the help', async () => {
  using proc = host();
  await using loadavg = await load(proc, [container('busy', { unified: cgroup(proc, 'busy', 100, 'R') })]);
  assert.match((await loadavg.scrape()).get(RUNNING)?.help ?? '', /At most 2000 tasks/);
});

test('reads this host', async () => {
  await using loadavg = await CollectorHarness.load('loadavg');
  assert.ok(sampleValue(await loadavg.scrape(), 'huatuo_bamai_loadavg_load1') >= 0);
});
