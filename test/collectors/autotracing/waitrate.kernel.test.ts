import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Runner } from '../../../src/collectors/autotracing/cpu-runners.ts';
import type { ProfileDocument } from '../../../src/sdk/profile-document.ts';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController } from '../../support/cgroup.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { CpuContainer, CpuUnit } from '../../support/cpu-container.ts';
import { hottestUserFrame } from '../../support/flame-rows.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { RunningProgram } from '../../support/running-program.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('cc', 'taskset') || skipWithoutController('cpu');
const WINDOW = 8;

interface Wait extends ProfileDocument {
  readonly wait_percent: number;
  readonly mean_percent: number;
  readonly deviation_percent: number;
  readonly reason: string;
  readonly quota_is_cause: boolean;
  readonly throttled_periods: number;
  readonly cpus: number;
  readonly runners: readonly Runner[];
}

/** Stopped, until it is told to go on: it wants no CPU meanwhile. */
async function stopped(
  workload: CpuContainer | CpuUnit,
  ...argv: readonly string[]
): Promise<RunningProgram> {
  const program = await RunningProgram.start('/usr/bin/env', ...argv);
  process.kill(program.pid, 'SIGSTOP');
  workload.add(program.pid);
  return program;
}

test('quiet containers give nothing; of a container and a systemd unit that fight for a CPU, the one that waits names the other, and one that its quota holds up says so', {
  skip,
}, async () => {
  await using waiting = new CpuContainer('a');
  await using greedy = new CpuUnit('greedy');
  await using throttled = new CpuContainer('c');
  using framed = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
  using lean = new CompiledProgram('busy_loop', '-O2', '-fomit-frame-pointer');
  for (const container of [greedy, throttled]) container.favour(20);
  // So little that it is used up in every period, whatever else the host runs.
  throttled.limit(0.02);
  const onOneCpu = ['taskset', '-c', '0'];
  await using victim = await stopped(waiting, ...onOneCpu, framed.path, 'burn');
  await using neighbour = await stopped(greedy, ...onOneCpu, lean.path);
  await using held = await stopped(throttled, framed.path, 'burn');
  await using agent = await AgentProcess.start({
    only: ['waitrate'],
    config: { collectors: { waitrate: { every: '1s', window: WINDOW, profile: '2s' } } },
  });
  await agent.until('the containers to be known', async () => {
    const list = await agent.get('/api/v1/containers');
    return [waiting, throttled].every(({ id }) => list.includes(id));
  });
  const untilSampled = async (more: number): Promise<void> => {
    const samples = async (): Promise<number> =>
      sampleValue(await agent.metrics('waitrate'), 'huatuo_autotracing_samples_total', {
        outcome: 'taken',
      }) ?? 0;
    const least = (await samples()) + more;
    await agent.until('more samples', async () => (await samples()) >= least);
  };
  await untilSampled(WINDOW + 2);
  assert.deepEqual(agent.documents('waitrate'), []);

  for (const { pid } of [victim, neighbour, held]) process.kill(pid, 'SIGCONT');
  const documentsOf = ({ id }: CpuContainer) =>
    agent.documents('waitrate').filter(({ fields }) => fields.container_id === id);
  await agent.until('documents of both that wait', () =>
    [waiting, throttled].every((container) => documentsOf(container).length > 0),
  );
  await untilSampled(2);
  const [fought, heldUp] = [waiting, throttled].map((container) => {
    const [document, ...more] = documentsOf(container);
    assert.deepEqual(more, []);
    const wait = document?.data as unknown as Wait;
    const { wait_percent, mean_percent, deviation_percent, reason } = wait;
    assert.deepEqual({ mean_percent, deviation_percent }, { mean_percent: 0, deviation_percent: 0 });
    assert.ok(wait_percent >= 20 && reason === 'jump', toldIn(wait));
    return wait;
  });
  assert.ok(fought && heldUp);

  const { runners, quota_is_cause, cpus, flamedata } = fought;
  assert.deepEqual({ quota_is_cause, cpus }, { quota_is_cause: false, cpus: 1 });
  // What else the host runs may have had the CPU, too.
  const [first, second] = runners.filter((one) => one.container_id ?? one.systemd_unit);
  assert.deepEqual([first?.systemd_unit, first?.comm, first?.pid], [greedy.id, 'busy_loop', neighbour.pid]);
  assert.ok((first?.percent ?? 0) > (second?.percent ?? 0), JSON.stringify(runners));
  assert.ok(runners.reduce((sum, { percent }) => sum + percent, 0) <= 100.5, JSON.stringify(runners));
  assert.equal(hottestUserFrame(flamedata), 'hottest_function', toldIn(fought));

  assert.equal(heldUp.quota_is_cause, true, toldIn(heldUp));
  assert.ok(heldUp.throttled_periods > 0);
});

function toldIn({ flamedata, ...rest }: Wait): string {
  return JSON.stringify({ ...rest, hottest: flamedata.toSorted((a, b) => b.self - a.self).slice(0, 5) });
}
