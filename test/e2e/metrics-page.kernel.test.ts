/** The metrics page of a whole agent: the names that existing HuaTuo dashboards query, and a format any scraper takes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { AgentProcess } from '../support/agent.ts';
import { hierarchyOf, TestCgroup } from '../support/cgroup.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { parsePage, samplesOf, sampleValue } from '../support/prometheus-text.ts';
import { promlint } from '../support/promlint.ts';

const skip = skipWithoutBpf();
const HOST = ['region', 'host'];
const CONTAINER = [
  'region',
  'host',
  'container_host',
  'container_name',
  'container_type',
  'container_level',
  'container_hostnamespace',
  'container_id',
];

/** Name, type and labels as existing dashboards know them; that of OOM kills in containers is tested with its collector. */
const UPSTREAM: readonly (readonly [name: string, type: string, labels: readonly string[]])[] = [
  ['huatuo_bamai_cpu_util_usr', 'gauge', HOST],
  ['huatuo_bamai_cpu_util_sys', 'gauge', HOST],
  ['huatuo_bamai_cpu_util_total', 'gauge', HOST],
  ['huatuo_bamai_cpu_util_container_cores', 'gauge', CONTAINER],
  ['huatuo_bamai_cpu_util_container_usr', 'gauge', CONTAINER],
  ['huatuo_bamai_cpu_util_container_sys', 'gauge', CONTAINER],
  ['huatuo_bamai_cpu_util_container_total', 'gauge', CONTAINER],
  ['huatuo_bamai_loadavg_load1', 'gauge', HOST],
  ['huatuo_bamai_loadavg_load5', 'gauge', HOST],
  ['huatuo_bamai_loadavg_load15', 'gauge', HOST],
  ['huatuo_bamai_loadavg_container_nr_running', 'gauge', CONTAINER],
  ['huatuo_bamai_loadavg_container_nr_uninterruptible', 'gauge', CONTAINER],
  ['huatuo_bamai_runqlat_latency', 'counter', [...HOST, 'zone']],
  ['huatuo_bamai_runqlat_container_latency', 'counter', [...CONTAINER, 'zone']],
  ['huatuo_bamai_softirq_latency', 'counter', [...HOST, 'cpuid', 'type', 'zone']],
  ['huatuo_bamai_oom_host_total', 'counter', HOST],
];
test('every name of the existing dashboards is there with its type and labels, also for a container', {
  skip,
}, async () => {
  const id = process.pid.toString(16).padStart(64, 'd');
  // In one hierarchy, or in each of those that v1 has for it.
  const paths = new Map(
    ['cpu', 'cpuacct', 'cpuset', 'memory'].flatMap((controller) => {
      const hierarchy = hierarchyOf(controller);
      return hierarchy ? [[hierarchy.mountPoint, controller] as const] : [];
    }),
  );
  await using made = new AsyncDisposableStack();
  const task = spawn('sh', ['-c', 'while sleep 0.02; do :; done'], { stdio: 'ignore' });
  for (const controller of paths.values()) {
    const cgroup = made.use(TestCgroup.make(controller, `/docker/${id}`));
    if (cgroup.version === 1 && controller === 'cpuset') inheritCpus(cgroup.path);
    cgroup.add(task.pid ?? 0);
  }
  made.defer(async () => {
    task.kill('SIGKILL');
    await once(task, 'exit');
  });
  await using agent = await AgentProcess.start({ config: { region: 'somewhere' } });
  const ours = { container_host: id.slice(0, 12) };
  // CPU use is a difference: it takes two samples of the collector's own clock.
  const text = await agent.until('samples of the container', async () => {
    const page = await agent.get('/metrics');
    const wanted = UPSTREAM.filter(([, , labels]) => labels.includes('container_host'));
    return wanted.every(([name]) => samplesOf(parsePage(page), name, ours).length > 0) ? page : undefined;
  });

  const page = parsePage(text);
  for (const [name, type, labels] of UPSTREAM) {
    assert.equal(page.get(name)?.type, type, name);
    for (const sample of samplesOf(page, name)) {
      assert.deepEqual(Object.keys(sample.labels).sort(), labels.toSorted(), name);
      assert.equal(sample.labels.region, 'somewhere', name);
      assert.ok(Number.isFinite(sample.value) && sample.value >= 0, `${name} is ${sample.value}`);
    }
    assert.ok(samplesOf(page, name).length > 0, name);
  }
  const waits = samplesOf(page, 'huatuo_bamai_runqlat_container_latency', ours);
  assert.ok(
    waits.reduce((sum, { value }) => sum + value, 0) > 0,
    'the task in the container has waited for a CPU',
  );
  assert.deepEqual(promlint(text), []);
});

test('a scrape of one collector has its metrics and no others', { skip }, async () => {
  await using agent = await AgentProcess.start();
  const page = await agent.metrics('loadavg');
  assert.ok(sampleValue(page, 'huatuo_bamai_loadavg_load1') >= 0);
  assert.deepEqual(samplesOf(page, 'huatuo_bamai_runqlat_latency'), []);
  await assert.rejects(agent.metrics('nothing'), /400/);
});

/** A v1 cpuset takes no task before it has CPUs and memory nodes. */
function inheritCpus(path: string): void {
  // From the top down: a child may only have what its parent has.
  for (const directory of [dirname(path), path]) {
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      writeFileSync(join(directory, file), readFileSync(join(dirname(directory), file)));
  }
}
