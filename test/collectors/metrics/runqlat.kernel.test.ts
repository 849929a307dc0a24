/** The run queue collector on the real scheduler. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const skip = skipWithoutBpf();
const WAIT = 'huatuo_runqueue_wait_seconds';

const bounds = (page: ReadonlyMap<string, PageFamily>): number[] =>
  samplesOf(page, `${WAIT}_bucket`).map(({ labels }) => Number(labels.le?.replace('Inf', 'Infinity')));

test('waits are counted once in a cumulative histogram and once in a zone', { skip }, async () => {
  await using agent = await AgentProcess.start({ only: ['runqlat'] });
  const before = await agent.until('the scheduler to have switched tasks', async () => {
    const read = await agent.metrics('runqlat');
    return samplesOf(read, `${WAIT}_count`)[0]?.value ? read : undefined;
  });
  const page = await agent.metrics('runqlat');
  const after = await agent.metrics('runqlat');
  const buckets = samplesOf(page, `${WAIT}_bucket`).map(({ value }) => value);
  assert.deepEqual(
    bounds(page),
    bounds(page).toSorted((a, b) => a - b),
  );
  assert.equal(bounds(page)[0], 1.024e-6);
  assert.equal(bounds(page).at(-1), Infinity);
  assert.deepEqual(
    buckets,
    buckets.toSorted((a, b) => a - b),
    'cumulative',
  );
  const count = sampleValue(page, `${WAIT}_count`);
  assert.equal(buckets.at(-1), count);

  const zones = samplesOf(page, 'huatuo_bamai_runqlat_latency');
  assert.deepEqual(
    zones.map(({ labels }) => labels.zone),
    ['0', '1', '2', '3'],
  );
  // CPUs go on counting while both are read, so each is held against what the other was before and after.
  const inZones = zones.reduce((sum, { value }) => sum + value, 0);
  const [least, most] = [before, after].map((other) => sampleValue(other, `${WAIT}_count`));
  assert.ok(
    least! <= inZones && inZones <= most!,
    `${inZones} waits in zones, from ${least} to ${most} counted`,
  );
  const mean_seconds = sampleValue(page, `${WAIT}_sum`) / count;
  assert.ok(mean_seconds > 0 && mean_seconds < 10, `a mean wait of ${mean_seconds} s`);
});

test('counters only rise from one scrape to the next', { skip }, async () => {
  await using agent = await AgentProcess.start({ only: ['runqlat'] });
  const before = await agent.metrics('runqlat');
  const after = await agent.until('more waits', async () => {
    const page = await agent.metrics('runqlat');
    return sampleValue(page, `${WAIT}_count`) > sampleValue(before, `${WAIT}_count`) ? page : undefined;
  });
  for (const name of [`${WAIT}_bucket`, 'huatuo_bamai_runqlat_latency', 'huatuo_runqueue_untracked_total']) {
    for (const { labels, value } of samplesOf(before, name))
      assert.ok(sampleValue(after, name, labels) >= value, `${name} ${JSON.stringify(labels)}`);
  }
});
