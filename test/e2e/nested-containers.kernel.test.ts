/** Counters of containers while what is inside them ends: other containers, and cgroups of their own. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { AgentProcess } from '../support/agent.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { restIn, runInEach } from '../support/cgroup-churn.ts';
import { CGROUP_PARENT } from '../support/container-cgroups.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { samplesOf } from '../support/prometheus-text.ts';

const skip = skipWithoutBpf() || skipWithoutController('cpu');

/** Waits of a container on the page; undefined while it has no series. */
async function waits(agent: AgentProcess, container_id: string): Promise<number | undefined> {
  const page = await agent.metrics('runqlat');
  const samples = samplesOf(page, 'huatuo_bamai_runqlat_container_latency', { container_id });
  return samples.length > 0 ? samples.reduce((sum, { value }) => sum + value, 0) : undefined;
}

test('what a container has counted stays its own when it ends inside another one', { skip }, async () => {
  const [outerId = '', innerId = ''] = ['a', 'b'].map(
    (first) => first + randomBytes(32).toString('hex').slice(1),
  );
  await using agent = await AgentProcess.start({
    only: ['runqlat'],
    config: { containers: { keep_gone: '1s' } },
  });
  await using outer = TestCgroup.make('cpu', `${CGROUP_PARENT}/${outerId}`);
  await using _outer = await restIn(outer);
  const before = await agent.until('the outer one', () => waits(agent, outerId));
  {
    await using inner = TestCgroup.make('cpu', `${outer.name}/${innerId}`);
    await using _inner = await restIn(inner);
    await agent.until('the inner one', () => waits(agent, innerId));
    // Whoever is on one page is known to the programs with the next one.
    await agent.metrics('runqlat');
  }
  await agent.until('its end', async () => (await waits(agent, innerId)) === undefined);
  assert.equal(await waits(agent, outerId), before);
});

test('the total of a container does not fall when cgroups inside it end', { skip }, async () => {
  const id = randomBytes(32).toString('hex');
  await using agent = await AgentProcess.start({ only: ['runqlat'] });
  await using container = TestCgroup.make('cpu', `${CGROUP_PARENT}/${id}`);
  let last = 0;
  {
    await using inner = TestCgroup.make('cpu', `${container.name}/system.slice`);
    for (let round = 0; round < 20; round++) {
      await runInEach(inner, 10, 'remove');
      const total = await agent.until('its series', () => waits(agent, id));
      assert.ok(total >= last, `${total} after ${last}`);
      last = total;
    }
  }
  assert.ok((await waits(agent, id))! >= last, 'the directory of the runs has ended too');
  assert.ok(last >= 200, `${last} waits of 200 processes`);
});
