/** Reclaims for real: memory cgroups with a limit, full of page cache. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemoryReclaimEventsEvent } from '../../../src/generated/memory_reclaim_events.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { PageCache } from '../../support/cgroup-writes.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { container } from '../../support/harness-containers.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { record } from '../../support/ring-recording.ts';

const MIB = 1 << 20;
const LIMIT_BYTES = 32 * MIB;
const FILE_BYTES = 160 * MIB;
const PAGE_BYTES = 4096;
const skip =
  skipWithoutKernelType('btf_trace_mm_vmscan_memcg_reclaim_begin') || skipWithoutController('memory');
const EVERYTHING = { threshold: '1ns', max_events_per_second_per_cpu: 0 };

/** Writes a file from within a cgroup, more than fits. @returns the writer's pid */
async function fillPageCache(cgroup: TestCgroup): Promise<number> {
  using written = await PageCache.fill(cgroup, FILE_BYTES);
  return written.pid;
}

async function reclaims(collector: CollectorHarness, pid: number): Promise<MemoryReclaimEventsEvent[]> {
  const documents = await collector.documents();
  return documents
    .map(({ data }) => data as unknown as MemoryReclaimEventsEvent)
    .filter((event) => event.pid === pid);
}

test('each reclaim of a full memory cgroup is told: who waited, how long, whose limit, and how much came of it', {
  skip,
}, async () => {
  await using cgroup = TestCgroup.make('memory', `/huatuo-reclaim-${process.pid}`);
  cgroup.limitMemory(LIMIT_BYTES);
  await using collector = await CollectorHarness.load('memory_reclaim_events', { options: EVERYTHING });
  const pid = await fillPageCache(cgroup);
  record('memory_reclaim_events', collector.records().slice(0, 3));
  const events = await reclaims(collector, pid);
  assert.ok(events.length > 0);
  for (const event of events) {
    assert.deepEqual(
      [event.kind, event.comm, event.tid, event.cgroup_id, event.reclaimed_cgroup_id],
      ['memcg', 'dd', pid, Number(cgroup.inode), Number(cgroup.inode)],
    );
    assert.equal(event.reclaimed_cgroup_limit_bytes, LIMIT_BYTES);
    assert.ok((event.reclaimed_cgroup_usage_bytes ?? 0) > LIMIT_BYTES - 2 * MIB);
    assert.ok(event.reclaim_duration_ns >= event.threshold_ns);
    assert.ok(event.stack.some((frame) => frame.startsWith('try_to_free_mem_cgroup_pages')));
  }
  // What was written and no longer fits has been freed, and nothing else was charged here.
  const sum = (field: 'scanned_pages' | 'reclaimed_pages'): number =>
    events.reduce((pages, event) => pages + event[field], 0);
  const freed = sum('reclaimed_pages') * PAGE_BYTES;
  assert.ok(freed >= FILE_BYTES - LIMIT_BYTES - 2 * MIB, `${freed} bytes were freed`);
  assert.ok(sum('scanned_pages') * PAGE_BYTES >= FILE_BYTES - LIMIT_BYTES - 2 * MIB);
});

test("the reclaimed cgroup is the one at its limit, and the container is the task's", {
  skip,
}, async () => {
  await using parent = TestCgroup.make('memory', `/huatuo-reclaim-outer-${process.pid}`);
  await using child = TestCgroup.make('memory', `/huatuo-reclaim-outer-${process.pid}/inner`);
  parent.limitMemory(LIMIT_BYTES);
  const owner = container('inner', { memory: child.path }, [child.inode]);
  await using collector = await CollectorHarness.load('memory_reclaim_events', {
    options: EVERYTHING,
    containers: [owner],
  });
  const pid = await fillPageCache(child);
  const documents = (await collector.documents()).filter(({ data }) => data.pid === pid);
  assert.ok(documents.length > 0);
  for (const { fields, data } of documents) {
    assert.equal(fields.container_id, owner.id);
    assert.deepEqual(
      [data.cgroup_id, data.reclaimed_cgroup_id, data.reclaimed_cgroup_limit_bytes],
      [Number(child.inode), Number(parent.inode), LIMIT_BYTES],
    );
  }

  const page = await collector.scrape();
  await collector.recordMaps();
  const waited = documents.reduce((sum, { data }) => sum + Number(data.reclaim_duration_ns), 0);
  const own = { container_name: 'name-inner' };
  assert.equal(
    sampleValue(page, 'huatuo_memory_reclaim_container_stalls_total', own),
    documents.length,
    'one count for each document',
  );
  const seconds = sampleValue(page, 'huatuo_memory_reclaim_container_stall_seconds_total', own);
  assert.ok(Math.abs(Number(seconds) * 1e9 - waited) < 1, `${seconds} s are ${waited} ns`);
  const upstream = 'huatuo_bamai_memory_others_container';
  assert.equal(sampleValue(page, `${upstream}_directstall_time`, own), waited);
  // The limit is the parent's, so the container itself was not reclaimed for one of its own.
  assert.equal(sampleValue(page, 'huatuo_bamai_memory_reclaim_container_directstall', own), 0);
  assert.equal(sampleValue(page, `${upstream}_local_direct_reclaim_time`, own), 0);
  const [counted] = samplesOf(page, 'huatuo_memory_reclaim_stall_seconds_count', { kind: 'memcg' });
  assert.ok(Number(counted?.value) >= documents.length);
});

test("reclaims for a container's own limit are its own, whichever cgroup below it the task is in", {
  skip,
}, async () => {
  await using outer = TestCgroup.make('memory', `/huatuo-reclaim-own-${process.pid}`);
  await using inner = TestCgroup.make('memory', `/huatuo-reclaim-own-${process.pid}/inner`);
  outer.limitMemory(LIMIT_BYTES);
  const owner = container('outer', { memory: outer.path }, [outer.inode]);
  await using collector = await CollectorHarness.load('memory_reclaim_events', {
    options: EVERYTHING,
    containers: [owner],
  });
  const pid = await fillPageCache(inner);
  const events = await reclaims(collector, pid);
  const waited = events.reduce((sum, { reclaim_duration_ns }) => sum + reclaim_duration_ns, 0);
  const page = await collector.scrape();
  const own = { container_name: 'name-outer' };
  assert.ok(events.length > 0);
  assert.equal(sampleValue(page, 'huatuo_bamai_memory_reclaim_container_directstall', own), events.length);
  assert.equal(
    sampleValue(page, 'huatuo_bamai_memory_others_container_local_direct_reclaim_time', own),
    waited,
  );
  const seconds =
    samplesOf(page, 'huatuo_memory_reclaim_stall_seconds_sum', { kind: 'direct' })[0]?.value ?? 0;
  const stall_ms = sampleValue(page, 'huatuo_bamai_memory_free_allocpages_stall');
  assert.ok(Math.abs(stall_ms - seconds * 1000) < 1e-6, `${stall_ms} ms are ${seconds} s`);
});

test('below the threshold there is no document, and it is counted all the same', { skip }, async () => {
  await using cgroup = TestCgroup.make('memory', `/huatuo-reclaim-${process.pid}`);
  cgroup.limitMemory(LIMIT_BYTES);
  await using collector = await CollectorHarness.load('memory_reclaim_events', {
    options: { threshold: '10m' },
  });
  const pid = await fillPageCache(cgroup);
  assert.deepEqual(await reclaims(collector, pid), []);
  const [counted] = samplesOf(await collector.scrape(), 'huatuo_memory_reclaim_stall_seconds_count', {
    kind: 'memcg',
  });
  assert.ok(Number(counted?.value) > 0);
});
