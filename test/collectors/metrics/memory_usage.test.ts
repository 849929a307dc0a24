/** The memory_usage and memory_events collectors over cgroups that the test makes up. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { type PageFamily, samplesOf } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const of = (page: ReadonlyMap<string, PageFamily>, name: string): unknown =>
  Object.fromEntries(samplesOf(page, name).map(({ labels, value }) => [labels.container_id, value]));

test('memory_usage: what a cgroup version does not tell has no series', async () => {
  using files = new FixtureProc();
  const memory = files.write('v1/memory.usage_in_bytes', '1000\n');
  files.write('v1/memory.stat', 'total_inactive_file 100\nhierarchical_memory_limit 9223372036854771712\n');
  const unified = files.write('v2/memory.current', '2000\n');
  files.write('v2/memory.max', '4096\n');
  files.write('v2/memory.swap.current', '0\n');
  await using usage = await CollectorHarness.load('memory_usage', {
    containers: [
      container('one', { memory }),
      container('two', { unified }),
      container('gone', { unified: join(unified, 'gone') }),
    ],
  });
  assert.deepEqual(promlint(await usage.page()), []);
  const page = await usage.scrape();
  const shown = (name: string): unknown => of(page, `huatuo_container_memory_${name}_bytes`);
  assert.deepEqual(shown('usage'), { one: 1000, two: 2000 });
  assert.deepEqual(shown('working_set'), { one: 900 });
  assert.deepEqual(shown('limit'), { two: 4096 });
  assert.deepEqual(shown('swap'), { two: 0 });
  assert.deepEqual(shown('peak'), {});
});

test('memory_events: counters of both cgroup versions have one name, and states of v1 are gauges', async () => {
  using files = new FixtureProc();
  const memory = files.write('v1/memory.oom_control', 'oom_kill_disable 0\nunder_oom 1\noom_kill 2\n');
  files.write('v1/memory.failcnt', '12\n');
  const unified = files.write('v2/memory.events', 'low 0\nhigh 3\nmax 4\noom 1\noom_kill 1\n');
  const containers = [
    container('one', { memory }),
    container('two', { unified }),
    container('gone', { memory: join(memory, 'gone') }),
  ];
  await using events = await CollectorHarness.load('memory_events', { containers });
  assert.deepEqual(promlint(await events.page()), []);
  const page = await events.scrape();
  const name = (key: string): string => `huatuo_bamai_memory_events_container_${key}`;
  assert.deepEqual(of(page, name('max')), { one: 12, two: 4 });
  assert.deepEqual(of(page, name('oom_kill')), { one: 2, two: 1 });
  assert.deepEqual(of(page, name('high')), { two: 3 });
  assert.deepEqual(of(page, name('under_oom')), { one: 1 });
  assert.deepEqual(
    ['oom_kill', 'under_oom'].map((key) => page.get(name(key))?.type),
    ['counter', 'gauge'],
  );

  await using some = await CollectorHarness.load('memory_events', {
    containers,
    options: { include: 'oom.*' },
  });
  const shown = [...(await some.scrape()).keys()].filter((one) => one.startsWith(name('')));
  assert.deepEqual(shown.sort(), ['oom', 'oom_kill', 'oom_kill_disable'].map(name));
});
