/** What the page shows of maps that a kernel has filled. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { container } from '../../support/harness-containers.ts';
import { replayMaps } from '../../support/map-recording.ts';
import { parsePage, samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

test('recorded maps give the golden page: CPUs and the cgroups of the container add up', async () => {
  const { text } = await replayMaps('runqlat', container('web', {}));
  assert.deepEqual(promlint(text), []);
  const page = parsePage(text);
  const sum = (name: string): number => samplesOf(page, name).reduce((total, { value }) => total + value, 0);
  const waits = sampleValue(page, 'huatuo_runqueue_wait_seconds_count');
  assert.ok(waits > 0);
  // The maps were read one after the other while the scheduler went on.
  assert.ok(Math.abs(sum('huatuo_bamai_runqlat_latency') - waits) <= waits / 10);
  assert.equal(samplesOf(page, 'huatuo_bamai_runqlat_container_latency').length, 4);
});
