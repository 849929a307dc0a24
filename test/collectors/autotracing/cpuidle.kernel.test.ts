import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { ProfileDocument } from '../../../src/sdk/profile-document.ts';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController } from '../../support/cgroup.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { CpuContainer, CpuUnit } from '../../support/cpu-container.ts';
import { hottestUserFrame, processesOf } from '../../support/flame-rows.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { RunningProgram } from '../../support/running-program.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('cc') || skipWithoutController('cpu');

const CORES = 0.2;

interface Burst extends ProfileDocument {
  readonly total_percent: number;
  readonly total_percent_delta: number;
  readonly cores: number;
}

test('a container and a systemd unit that burst at once are a document each, with what they run and nothing else; others are silent', {
  skip,
}, async () => {
  await using framed = new CpuContainer('c');
  await using lean = new CpuUnit('lean');
  await using quiet = new CpuContainer('e');
  using withFrames = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
  using withoutFrames = new CompiledProgram('profiled', '-O2', '-fomit-frame-pointer');
  await using sleepers = new AsyncDisposableStack();
  // So little that a burner uses all that it may, whatever else the host runs.
  for (const workload of [framed, lean, quiet]) {
    workload.limit(CORES);
    workload.add(sleepers.use(await RunningProgram.start(withFrames.path, 'sleep')).pid);
  }
  await using agent = await AgentProcess.start({
    only: ['cpuidle'],
    config: { collectors: { cpuidle: { every: '1s', profile: '3s' } } },
  });
  // One walk finds containers and units.
  await agent.until('the containers to be known', async () => {
    const list = await agent.get('/api/v1/containers');
    return [framed, quiet].every(({ id }) => list.includes(id));
  });
  const samples = async (): Promise<number> =>
    sampleValue(await agent.metrics('cpuidle'), 'huatuo_autotracing_samples_total', { outcome: 'taken' }) ??
    0;
  const known = await samples();
  await agent.until('windows to be full', async () => (await samples()) > known + 3);
  assert.deepEqual(agent.documents('cpuidle'), []);

  // By its name, it would be seen in a profile that is not of the container alone.
  const bystanderPath = join(dirname(withFrames.path), 'bystander');
  copyFileSync(withFrames.path, bystanderPath);
  await using bystander = await RunningProgram.start(bystanderPath, 'burn');
  await using first = await RunningProgram.start(withFrames.path, 'burn');
  await using second = await RunningProgram.start(withoutFrames.path, 'burn');
  framed.add(first.pid);
  lean.add(second.pid);
  await agent.until('two documents', () => agent.documents('cpuidle').length > 1);
  const seen = await samples();
  await agent.until('more samples', async () => (await samples()) > seen + 3);
  const documents = agent.documents('cpuidle');
  assert.deepEqual(
    documents.map(({ fields }) => fields.container_id ?? fields.systemd_unit).toSorted(),
    [framed.id, lean.id].toSorted(),
  );
  for (const { data } of documents) {
    const burst = data as unknown as Burst;
    assert.ok(!('partial' in burst));
    assert.equal(burst.cores, CORES);
    assert.ok(burst.total_percent > 75 && burst.total_percent_delta > 45, JSON.stringify(burst));
    assert.deepEqual(processesOf(burst.flamedata), ['profiled']);
    assert.equal(hottestUserFrame(burst.flamedata), 'hot_function', JSON.stringify(burst.flamedata));
    assert.deepEqual([burst.profile.kind, burst.profile.lost], ['on_cpu', 0]);
    // At 99 Hz, of a fifth of a CPU; the bystander has up to a whole one.
    const { samples: taken, seconds } = burst.profile;
    assert.ok(taken <= 35 * seconds, `${taken} in ${seconds} s`);
  }
  assert.ok(existsSync(`/proc/${bystander.pid}`), 'the bystander has run all the time');
});

test('with pre_capture, a burst that was over before the capture began is in its document; that of a container that ends meanwhile is partial', {
  skip,
}, async () => {
  await using container = new CpuContainer('f');
  await using ending = new AsyncDisposableStack();
  const gone = ending.use(new CpuContainer('0'));
  using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
  container.limit(0.5);
  await using sleeper = await RunningProgram.start(program.path, 'sleep');
  container.add(sleeper.pid);
  gone.limit(0.5);
  gone.add(ending.use(await RunningProgram.start(program.path, 'sleep')).pid);
  // It sees what the container alone is not.
  const bystanderPath = join(dirname(program.path), 'bystander');
  copyFileSync(program.path, bystanderPath);
  await using bystander = await RunningProgram.start(bystanderPath, 'burn');
  await using agent = await AgentProcess.start({
    only: ['cpuidle'],
    config: {
      collectors: {
        cpuidle: {
          ...{ every: '2s', window: 3, profile: '3s', pre_capture: true },
          ...{ user_percent: 20, user_percent_delta: 15 },
        },
      },
    },
  });
  await agent.until('the containers to be known', async () => {
    const list = await agent.get('/api/v1/containers');
    return [container, gone].every(({ id }) => list.includes(id));
  });
  const samples = async (): Promise<number> =>
    sampleValue(await agent.metrics('cpuidle'), 'huatuo_autotracing_samples_total', { outcome: 'taken' }) ??
    0;
  const known = await samples();
  await agent.until('windows to be full', async () => (await samples()) > known + 2);
  // Right after a sample, so that it is over before the next one.
  {
    await using burner = await RunningProgram.start(program.path, 'burn');
    container.add(burner.pid);
    await agent.until('a burst', () => usedTicks(burner.pid) > 70);
  }
  const [document] = await agent.until('a document', () => {
    const all = agent.documents('cpuidle');
    return all.length > 0 && all;
  });
  assert.ok(document);
  const { flamedata, profile } = document.data as unknown as Burst;
  const since = flamedata.findIndex(({ level, label }) => level === 1 && label === 'since the trigger');
  const before = since < 0 ? flamedata : flamedata.slice(0, since);
  assert.equal(document.fields.container_id, container.id);
  assert.equal(hottestUserFrame(before), 'hot_function', document.text);
  assert.ok(!flamedata.some(({ label }) => label === 'bystander'), document.text);
  const { before_seconds = 0, before_samples = 0, after_samples = 0 } = profile;
  assert.ok(before_seconds >= 5 && before_samples >= 20 && before_samples > after_samples, document.text);
  const page = await agent.metrics();
  assert.ok(
    (sampleValue(page, 'huatuo_precapture_samples_total', { outcome: 'kept' }) ?? 0) > before_samples,
  );
  {
    await using burner = await RunningProgram.start(program.path, 'burn');
    gone.add(burner.pid);
    await agent.until('a capture', async () => (await agent.actor('cpuidle')).state === 'capturing');
  }
  await ending.disposeAsync();
  const partial = await agent.until('another document', () =>
    agent.documents('cpuidle').find(({ fields }) => fields.container_id === gone.id),
  );
  const { partial: isPartial, flamedata: rows } = partial.data as unknown as Burst & { partial?: boolean };
  assert.deepEqual([isPartial, hottestUserFrame(rows)], [true, 'hot_function'], partial.text);
  assert.ok(existsSync(`/proc/${bystander.pid}`), 'the bystander has run all the time');
});

function usedTicks(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[13]);
}
