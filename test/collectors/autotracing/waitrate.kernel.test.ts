import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Runner } from '../../../src/collectors/autotracing/cpu-runners.ts';
import type { ProfileDocument } from '../../../src/sdk/profile-document.ts';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController } from '../../support/cgroup.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { CpuContainer } from '../../support/cpu-container.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { RunningProgram } from '../../support/running-program.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('cc') || skipWithoutController('cpu');
const WINDOW = 6;

interface Wait extends ProfileDocument {
  readonly wait_percent: number;
  readonly mean_percent: number;
  readonly quota_is_cause?: boolean;
  readonly throttled_periods?: number;
  readonly cpus: number;
  readonly runners: readonly Runner[];
}

function pinned(program: CompiledProgram, ...argv: readonly string[]): Promise<RunningProgram> {
  return RunningProgram.start('/usr/bin/env', 'taskset', '-c', '0', program.path, ...argv);
}

test('of two containers on one CPU, the one that waits names the other; one that waits for its quota says so', {
  skip,
}, async () => {
  await using waiting = new CpuContainer('a');
  await using greedy = new CpuContainer('b');
  await using throttled = new CpuContainer('c');
  using profiled = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
  using busyLoop = new CompiledProgram('busy_loop', '-O0', '-fno-omit-frame-pointer');
  greedy.favour(20);
  throttled.limit(0.1);
  await using victim = await pinned(profiled, 'burn');
  await using sleepers = new AsyncDisposableStack();
  waiting.add(victim.pid);
  for (const container of [greedy, throttled])
    container.add(sleepers.use(await RunningProgram.start(profiled.path, 'sleep')).pid);
  await using agent = await AgentProcess.start({
    only: ['waitrate'],
    config: {
      collectors: {
        // What else runs on this host makes both wait, too: whatever is above their mean must do here.
        waitrate: {
          ...{ every: '1s', window: WINDOW, profile: '3s', cooldown: '1s', captures_per_hour: 100 },
          ...{ wait_percent: 60, waiting_tasks: 0.2, deviations: 0 },
        },
      },
    },
  });
  await agent.until('the containers to be known', async () => {
    const list = await agent.get('/api/v1/containers');
    return [waiting, greedy, throttled].every(({ id }) => list.includes(id));
  });
  const samples = async (): Promise<number> =>
    sampleValue(await agent.metrics('waitrate'), 'huatuo_autotracing_samples_total', { outcome: 'taken' }) ??
    0;
  const known = await samples();
  await agent.until('windows to be full', async () => (await samples()) > known + WINDOW);

  await using neighbour = await pinned(busyLoop);
  await using burner = await RunningProgram.start(profiled.path, 'burn');
  greedy.add(neighbour.pid);
  throttled.add(burner.pid);

  const find = (of: CpuContainer, matches: (wait: Wait) => boolean): JournalDocument | undefined =>
    agent
      .documents('waitrate')
      .find(
        ({ fields, data }) =>
          fields.container_id === of.id && 'runners' in data && matches(data as unknown as Wait),
      );
  const fought = await agent.until('the document of who waits for another', () =>
    find(waiting, ({ runners }) => runners[0]?.container_id === greedy.id),
  );
  const { wait_percent, mean_percent, quota_is_cause, cpus, runners, flamedata } =
    fought.data as unknown as Wait;
  assert.ok(wait_percent >= 60 && wait_percent >= mean_percent, `${wait_percent} ${mean_percent}`);
  assert.notEqual(quota_is_cause, true);
  assert.equal(cpus, 1);
  assert.deepEqual([runners[0]?.comm, runners[0]?.pid], ['busy_loop', neighbour.pid]);
  assert.ok(
    flamedata.some(({ label }) => label === 'hottest_function'),
    JSON.stringify(flamedata),
  );

  const held = await agent.until('the document of who waits for its quota', () =>
    find(throttled, (wait) => wait.quota_is_cause === true),
  );
  const { throttled_periods = 0, wait_percent: heldPercent } = held.data as unknown as Wait;
  assert.ok(throttled_periods > 0 && heldPercent >= 60, JSON.stringify(held.data));
});
