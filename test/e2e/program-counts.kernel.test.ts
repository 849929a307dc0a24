/** What BPF programs lose or give up is on the metrics page and in the status, by the same numbers. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { AgentProcess } from '../support/agent.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { restIn } from '../support/cgroup-churn.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { sampleValue } from '../support/prometheus-text.ts';

const skip = skipWithoutBpf() || skipWithoutController('cpu');

test('cgroups that ended with counters are counted on the page and in the status', { skip }, async () => {
  await using agent = await AgentProcess.start({ only: ['runqlat'] });
  {
    await using cgroup = TestCgroup.make('cpu', `/huatuo-test-ended-${process.pid}`);
    await using _resting = await restIn(cgroup);
  }
  const counts = await agent.until('the end of the cgroup', async () => {
    const { actors } = await agent.status();
    const found = actors.find(({ name }) => name === 'runqlat')?.program_counts;
    return found?.cgroups_ended ? found : undefined;
  });
  const { cgroups_ended = 0, ...losses } = counts;
  assert.ok('task_data_overflows' in losses && 'cgroup_counters_lost' in losses);
  for (const [loss, count] of Object.entries(losses)) assert.equal(count, 0, loss);
  const page = await agent.metrics('runqlat');
  const shown = sampleValue(page, 'huatuo_bpf_cgroups_ended_total', { collector: 'runqlat' });
  assert.ok(shown >= cgroups_ended);
});
