/** Compaction for real, at the kernel's own request: all zones of the host, one after the other. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { writeFrom } from '../../support/cgroup-writes.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { container } from '../../support/harness-containers.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const REQUEST = '/proc/sys/vm/compact_memory';
const skip =
  skipWithoutKernelType('btf_trace_mm_compaction_begin') ||
  skipWithoutController('memory') ||
  (existsSync(REQUEST) ? false : 'this kernel does not compact memory');

test('each zone is one compaction, and the container waits for the sum of them', { skip }, async () => {
  await using cgroup = TestCgroup.make('memory', `/huatuo-compaction-${process.pid}`);
  const owner = container('compacting', { memory: cgroup.path }, [cgroup.inode]);
  await using memoryFree = await CollectorHarness.load('memory_free', { containers: [owner] });
  const began_ms = performance.now();
  await writeFrom(cgroup, REQUEST, '1');
  const passed_s = (performance.now() - began_ms) / 1000;
  assert.deepEqual(promlint(await memoryFree.page()), []);
  const page = await memoryFree.scrape();
  await memoryFree.recordMaps();
  const direct = { kind: 'direct' };
  const name = 'huatuo_memory_compaction_seconds';
  // Other tasks of the host may have compacted memory meanwhile.
  assert.ok(sampleValue(page, `${name}_count`, direct) >= managedZones());
  const sum_s = sampleValue(page, `${name}_sum`, direct);
  const own_s = sampleValue(page, 'huatuo_memory_compaction_container_stall_seconds_total', {
    container_id: owner.id,
  });
  assert.ok(own_s > 0 && own_s <= sum_s, `${own_s} s of ${sum_s} s`);
  assert.ok(own_s <= passed_s, `${own_s} s in ${passed_s} s`);
  const stall_ms = sampleValue(page, 'huatuo_bamai_memory_free_compaction_stall');
  assert.ok(Math.abs(stall_ms - sum_s * 1000) < 1e-6, `${stall_ms} ms are ${sum_s} s`);
});

/** Zones that have memory: the kernel goes through all of these. */
function managedZones(): number {
  return [...readFileSync('/proc/zoneinfo', 'utf8').matchAll(/^ +managed +(\d+)$/gm)].filter(
    ([, pages]) => pages !== '0',
  ).length;
}
