/** Counters of cgroups (bpf/include/cgroup_counters.h) while thousands of cgroups come and go. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { RunqlatObject } from '../../src/generated/runqlat.ts';
import type { MapOf } from '../../src/sdk/binding.ts';
import { splitCgroupId } from '../../src/sdk/container.ts';
import type { BpfObject } from '../../src/sdk/context.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { liveInodes, removeEach, restIn, runInEach } from '../support/cgroup-churn.ts';
import { CollectorHarness } from '../support/collector-harness.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf() || skipWithoutController('cpu');
const PARENT = `/huatuo-test-counters-${process.pid}`;
const CHURN = 3000;
/** bpf/runqlat.bpf.c MAX_CGROUPS */
const ENTRIES = 2048;

interface Losses {
  readonly series_overflows: number;
  readonly cgroups_ended: number;
  readonly cgroup_counters_lost: number;
}
type Runqlat = BpfObject<RunqlatObject['maps'] & { readonly '.bss': MapOf<number, Losses> }>;

const sum = (numbers: readonly number[] = []): number => numbers.reduce((total, one) => total + one, 0);
const load = (harness: CollectorHarness): Promise<Runqlat> => harness.ctx.bpf.load() as Promise<Runqlat>;

async function losses(object: Runqlat): Promise<Losses> {
  const found = await object.map('.bss').get(0);
  assert.ok(found);
  return found;
}

const waitsOf = async (object: Runqlat, id: bigint): Promise<number> =>
  sum((await object.map('cgroups').get(id))?.zones);

/** Every wait is in the entry of one cgroup, or counted as one that found no room. */
async function assertConserved(object: Runqlat): Promise<void> {
  let inCgroups = 0;
  for await (const [, { zones }] of object.map('cgroups').entries()) inCgroups += sum(zones);
  const host = await object.map('host').get(0);
  const { series_overflows, cgroup_counters_lost } = await losses(object);
  assert.equal(cgroup_counters_lost, 0);
  assert.equal(inCgroups + series_overflows, sum(host?.zones));
}

test('what a container has counted stands while thousands of cgroups come and go, of which no entry stays', {
  skip,
}, async () => {
  await using container = TestCgroup.make('cpu', `${PARENT}/resting`);
  await using batch = TestCgroup.make('cpu', `${PARENT}/batch.slice`);
  await using runqlat = await CollectorHarness.load('runqlat');
  const object = await load(runqlat);
  await using _resting = await restIn(container);
  const before = await waitsOf(object, container.inode);
  assert.ok(before > 0);

  await runInEach(batch, CHURN, 'remove');
  assert.equal(await waitsOf(object, container.inode), before);
  // Others make and remove cgroups meanwhile.
  const live = liveInodes();
  await object.detach();
  const { cgroups_ended, series_overflows } = await losses(object);
  assert.ok(cgroups_ended >= CHURN, `${cgroups_ended} of ${CHURN} cgroups have ended`);
  assert.equal(series_overflows, 0);
  await assertConserved(object);
  const still = new Set([...live, ...liveInodes()]);
  for await (const [id] of object.map('cgroups').entries())
    assert.ok(still.has(splitCgroupId(id).inode), `${id} was removed and has an entry`);
});

test('more cgroups than entries: the loss is counted and shown, and there is room when they are gone', {
  skip,
}, async () => {
  await using container = TestCgroup.make('cpu', `${PARENT}/resting`);
  await using batch = TestCgroup.make('cpu', `${PARENT}/batch.slice`);
  await using runqlat = await CollectorHarness.load('runqlat');
  const object = await load(runqlat);
  await using _resting = await restIn(container);
  const before = await waitsOf(object, container.inode);
  try {
    await runInEach(batch, ENTRIES + 100, 'leave');
    assert.equal(await waitsOf(object, container.inode), before);
    const { series_overflows } = await losses(object);
    assert.ok(series_overflows > 0);
    const page = await runqlat.scrape();
    assert.ok(page.get('huatuo_bpf_series_overflows_total')!.samples[0]!.value >= series_overflows);
  } finally {
    await removeEach(batch);
  }
  await using later = TestCgroup.make('cpu', `${PARENT}/later`);
  await using _later = await restIn(later);
  assert.ok((await waitsOf(object, later.inode)) > 0);
});

test('a cgroup that ends leaves its counts to its parent, whatever the number of CPUs', {
  skip,
}, async () => {
  await using container = TestCgroup.make('cpu', `${PARENT}/container`);
  await using runqlat = await CollectorHarness.load('runqlat');
  const object = await load(runqlat);
  let inside: number;
  let id: bigint;
  {
    await using inner = TestCgroup.make('cpu', `${PARENT}/container/init.scope`);
    id = inner.inode;
    await runInEach(inner, 20, 'remove');
    {
      await using _resting = await restIn(inner);
      inside = await waitsOf(object, id);
    }
    assert.ok(inside > 20);
    // Its last task is switched in once more to end.
    inside = await waitsOf(object, id);
  }
  assert.equal(await object.map('cgroups').get(id), undefined);
  assert.ok((await waitsOf(object, container.inode)) >= inside);
  await object.detach();
  await assertConserved(object);
});

test('what a container has counted stays at its own cgroup when it ends, also inside another one', {
  skip,
}, async () => {
  await using outer = TestCgroup.make('cpu', `${PARENT}/outer`);
  await using runqlat = await CollectorHarness.load('runqlat');
  const object = await load(runqlat);
  const atFirst = await waitsOf(object, outer.inode);
  let inside: number;
  let id: bigint;
  {
    await using inner = TestCgroup.make('cpu', `${PARENT}/outer/inner`);
    id = inner.inode;
    await object.map('container_cgroups').set(inner.inode, true);
    {
      await using _resting = await restIn(inner);
    }
    inside = await waitsOf(object, inner.inode);
    assert.ok(inside > 0);
  }
  assert.equal(await waitsOf(object, outer.inode), atFirst);
  assert.ok((await waitsOf(object, id)) >= inside);
});
