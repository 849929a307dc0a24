/** Counts of disks in cgroups that come and go: iolatency has an entry for each cgroup and disk, and for each zone. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { IolatencyObject } from '../../src/generated/iolatency.ts';
import type { MapOf } from '../../src/sdk/binding.ts';
import type { BpfObject } from '../../src/sdk/context.ts';
import { hierarchyOf, skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { liveInodes } from '../support/cgroup-churn.ts';
import { CollectorHarness } from '../support/collector-harness.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { directIo, LoopDevice } from '../support/disks.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf() || skipWithoutController('blkio') || skipWithoutPrograms('losetup', 'dd');
const PARENT = `/huatuo-test-disks-${process.pid}`;
const READS = 10;
const CHURN = 200;

interface Losses {
  readonly series_overflows: number;
  readonly cgroups_ended: number;
  readonly cgroup_counters_lost: number;
}
type Iolatency = BpfObject<IolatencyObject['maps'] & { readonly '.bss': MapOf<number, Losses> }>;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const readIn = (cgroup: TestCgroup, disk: LoopDevice): Promise<void> =>
  directIo([`if=${disk.path}`, 'of=/dev/null', 'iflag=direct', `count=${READS}`], (pid) => cgroup.add(pid));

const numberOf = (disk: LoopDevice): string => readFileSync(`/sys/block/${disk.name}/dev`, 'utf8').trim();

function isOf(disk: LoopDevice, device: number): boolean {
  const [major = 0, minor = 0] = numberOf(disk).split(':').map(Number);
  return device === major * 2 ** 20 + minor;
}

/** Requests of a cgroup to this disk: dd itself may have to be read from another one. */
async function requestsOf(object: Iolatency, disk: LoopDevice, id: bigint): Promise<number> {
  let requests = 0;
  for await (const [{ cgroup, device }, { q2c }] of object.map('containers').entries())
    if (cgroup === id && isOf(disk, device)) requests += sum(q2c.slots);
  return requests;
}

/** Requests of all cgroups to this disk that the program has seen done. */
async function requestsTo(object: Iolatency, disk: LoopDevice): Promise<number> {
  let requests = 0;
  for await (const [{ device }, { q2c }] of object.map('disks').entries())
    if (isOf(disk, device)) requests += sum(q2c.slots);
  return requests;
}

test('requests of cgroups that are removed become those of their parent, and no entry of them stays', {
  skip,
}, async () => {
  using disk = new LoopDevice(1 << 20);
  await using container = TestCgroup.make('blkio', `${PARENT}/container`);
  await using iolatency = await CollectorHarness.load('iolatency');
  const object = (await iolatency.ctx.bpf.load()) as Iolatency;
  await readIn(container, disk);
  for (let made = 0; made < CHURN; made++) {
    await using inner = TestCgroup.make('blkio', `${PARENT}/container/job-${made}`);
    await readIn(inner, disk);
  }
  // All of them, but for a few whose end a sandbox hides: see support/unseen.ts.
  const requests = await requestsTo(object, disk);
  assert.equal(await requestsOf(object, disk, container.inode), requests);
  assert.ok(requests <= READS * (CHURN + 1) && requests > READS * CHURN, `${requests} requests`);

  // Others make and remove cgroups meanwhile.
  const live = liveInodes();
  await object.detach();
  const losses = await object.map('.bss').get(0);
  assert.ok(losses && losses.cgroups_ended >= CHURN);
  assert.equal(losses.series_overflows, 0);
  assert.equal(losses.cgroup_counters_lost, 0);
  const still = new Set([...live, ...liveInodes()]);
  for (const name of ['containers', 'container_q2c_zones', 'container_d2c_zones', 'cgroup_disks'] as const)
    for await (const [{ cgroup }] of object.map(name).entries())
      assert.ok(still.has(cgroup), `${cgroup} was removed and has an entry in ${name}`);
});

test('a request that is done after its cgroup was removed is the parent’s', {
  skip: skip || skipWithoutThrottling(),
}, async () => {
  using disk = new LoopDevice(1 << 20);
  await using container = TestCgroup.make('blkio', `${PARENT}/container`);
  await using iolatency = await CollectorHarness.load('iolatency');
  const object = (await iolatency.ctx.bpf.load()) as Iolatency;
  let id: bigint;
  let reading: Promise<void>;
  {
    await using inner = TestCgroup.make('blkio', `${PARENT}/container/slow`);
    id = inner.inode;
    writeFileSync(join(inner.path, 'blkio.throttle.read_iops_device'), `${numberOf(disk)} 1`);
    let reader = 0;
    reading = directIo([`if=${disk.path}`, 'of=/dev/null', 'iflag=direct', 'count=3'], (pid) => {
      reader = pid;
      inner.add(pid);
    });
    await eventually('the first request', async () => (await requestsOf(object, disk, id)) > 0);
    // The next one waits for its turn, and stays this cgroup's.
    await eventually('a request that waits', () => /\) D/.test(readFileSync(`/proc/${reader}/stat`, 'utf8')));
    container.add(reader);
  }
  await reading;
  assert.equal(await requestsOf(object, disk, id), 0);
  assert.equal(await requestsOf(object, disk, container.inode), 3);
  for await (const [{ cgroup }] of object.map('cgroup_disks').entries()) assert.notEqual(cgroup, id);
});

function skipWithoutThrottling(): string | false {
  const { mountPoint = '' } = hierarchyOf('blkio') ?? {};
  return existsSync(join(mountPoint, 'blkio.throttle.read_iops_device'))
    ? false
    : 'no throttling of disks by v1';
}
