import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import type { Runner } from '../../../src/collectors/autotracing/cpu-runners.ts';
import type { ProfileDocument } from '../../../src/sdk/profile-document.ts';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { hottestUserFrame, processesOf } from '../../support/flame-rows.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { RunningProgram } from '../../support/running-program.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('cc') || skipWithoutController('cpu');

interface Burst extends ProfileDocument {
  readonly system_percent: number;
  readonly system_percent_delta: number;
  readonly runners: readonly Runner[];
}

test('processes that keep the kernel busy are a document of the host, with who asks and what the kernel does', {
  skip,
}, async () => {
  using framed = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
  using lean = new CompiledProgram('profiled', '-O2', '-fomit-frame-pointer');
  await using cgroup = TestCgroup.make('cpu', `/huatuo-askers-${process.pid}`);
  // So that they are most of what the CPUs do, whatever else there is.
  cgroup.favour(8);
  await using agent = await AgentProcess.start({
    only: ['cpusys'],
    config: {
      collectors: {
        // What else the host does may be a burst, too, and must not keep ours from being seen.
        cpusys: { every: '1s', cooldown: '1s', profile: '2s' },
      },
    },
  });
  const samples = async (): Promise<number> =>
    sampleValue(await agent.metrics('cpusys'), 'huatuo_autotracing_samples_total', { outcome: 'taken' }) ?? 0;
  await agent.until('the window to be full', async () => (await samples()) > 3);

  await using askers = new AsyncDisposableStack();
  for (let count = 0; count < 2 * availableParallelism(); count++)
    cgroup.add(askers.use(await RunningProgram.start(count % 2 ? lean.path : framed.path, 'ask')).pid);
  const isOurs = (data: object): boolean =>
    (data as Partial<Burst>).flamedata?.some(({ label }) => label === 'asking_function') ?? false;
  const [document] = await agent.until('a document that names them', () => {
    const found = agent.documents('cpusys').filter(({ data }) => isOurs(data));
    return found.length > 0 && found;
  });
  const burst = document?.data as unknown as Burst;
  assert.equal(document?.fields.container_id, undefined);
  assert.ok(burst.system_percent > 45 && burst.system_percent_delta > 20, JSON.stringify(burst));
  assert.equal(processesOf(burst.flamedata)[0], 'profiled');
  assert.equal(burst.runners[0]?.comm, 'profiled', JSON.stringify(burst.runners));
  assert.ok(
    burst.flamedata.some(({ label, value }) => label.endsWith('_[k]') && value > burst.profile.samples / 8),
    JSON.stringify(burst.flamedata),
  );
  assert.equal(hottestUserFrame(burst.flamedata), 'asking_function', JSON.stringify(burst.flamedata));
});
