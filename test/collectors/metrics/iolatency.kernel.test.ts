/** Disk latency without a line of TypeScript, against a known number of requests and the kernel's own accounts. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { type DiskStat, directIo, diskStat, LoopDevice, ZramDevice } from '../../support/disks.ts';
import { container } from '../../support/harness-containers.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { retryUnseen } from '../../support/unseen.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('losetup', 'dd');
const BYTES = 8 << 20;
const READS = 150;
const WRITES = 70;
const Q2C = 'huatuo_disk_request_seconds';
const D2C = 'huatuo_disk_service_seconds';

type Page = ReadonlyMap<string, PageFamily>;

const sumOf = (page: Page, name: string, labels: Readonly<Record<string, string>>): number =>
  samplesOf(page, name, labels).reduce((sum, { value }) => sum + value, 0);

interface Counted {
  readonly before: DiskStat;
  readonly after: DiskStat;
  readonly shown: Page;
}

/** What the kernel and the page have counted of a disk around runs of dd, each with its operands. */
async function counted(disk: { readonly name: string }, ...runs: readonly string[][]): Promise<Counted> {
  await using iolatency = await CollectorHarness.load('iolatency');
  const before = diskStat(disk.name);
  for (const operands of runs) await directIo(operands);
  const after = diskStat(disk.name);
  return { before, after, shown: await iolatency.scrape() };
}

test(
  'requests of a loop device: counts are those of dd and of /sys/block, times those of the kernel',
  {
    skip,
  },
  () =>
    retryUnseen(async () => {
      using disk = new LoopDevice(BYTES);
      const { before, after, shown } = await counted(
        disk,
        [`if=${disk.path}`, 'of=/dev/null', 'iflag=direct', `count=${READS}`],
        ['if=/dev/zero', `of=${disk.path}`, 'oflag=direct', `count=${WRITES}`],
      );

      assert.equal(after.reads - before.reads, READS);
      assert.equal(after.writes - before.writes, WRITES);
      for (const [operation, count, ms] of [
        ['READ', READS, after.read_ms - before.read_ms],
        ['WRITE', WRITES, after.write_ms - before.write_ms],
      ] as const) {
        const labels = { device: disk.name, operation };
        for (const name of [Q2C, D2C]) {
          assert.equal(sampleValue(shown, `${name}_count`, labels), count, `${name} ${operation}`);
          assert.equal(sampleValue(shown, `${name}_bucket`, { ...labels, le: '+Inf' }), count);
        }
        const [q2c, d2c] = [Q2C, D2C].map((name) => 1000 * sampleValue(shown, `${name}_sum`, labels));
        // The kernel takes its time a moment after ours, and shows whole milliseconds.
        assert.ok(q2c! <= ms + 1, `${operation}: ${q2c} ms, the kernel has ${ms} ms`);
        assert.ok(q2c! >= ms / 2 - 1, `${operation}: ${q2c} ms, the kernel has ${ms} ms`);
        assert.ok(d2c! > 0 && d2c! <= q2c!, `${operation}: issued ${d2c} ms of ${q2c} ms`);
      }
      assert.equal(sampleValue(shown, 'huatuo_bpf_series_overflows_total', { collector: 'iolatency' }), 0);
      assert.equal(sampleValue(shown, 'huatuo_bpf_span_overflows_total', { collector: 'iolatency' }), 0);
    }),
);

test(
  'a flush is counted as one, and the empty write that asked for it as a write that was never issued',
  {
    skip,
  },
  () =>
    retryUnseen(async () => {
      using disk = new LoopDevice(BYTES);
      const operands = ['if=/dev/zero', `of=${disk.path}`, 'oflag=direct', 'conv=fsync', `count=${WRITES}`];
      const { before, after, shown } = await counted(disk, operands);
      const written = { device: disk.name, operation: 'WRITE' };
      assert.ok(after.flushes > before.flushes);
      const flushes = sumOf(shown, 'huatuo_disk_flush_seconds_count', { device: disk.name });
      assert.equal(flushes, after.flushes - before.flushes);
      assert.equal(sampleValue(shown, `${Q2C}_count`, written), after.writes - before.writes);
      assert.equal(sampleValue(shown, `${D2C}_count`, written), WRITES);
    }),
);

test(
  'requests of a container are its own, and go with it',
  {
    skip: skip || skipWithoutController('blkio'),
  },
  () =>
    retryUnseen(async () => {
      using disk = new LoopDevice(BYTES);
      await using cgroup = TestCgroup.make('blkio', `/huatuo-io-${process.pid}`);
      const own = container('own', { blkio: cgroup.path }, [cgroup.inode]);
      const labels = { container_id: own.id, device: disk.name };
      const name = 'huatuo_container_disk_request_seconds_count';
      await using iolatency = await CollectorHarness.load('iolatency', { containers: [own] });
      await directIo([`if=${disk.path}`, 'of=/dev/null', 'iflag=direct', `count=${READS}`], (pid) =>
        cgroup.add(pid),
      );
      // The host's share of the same disk is not the container's.
      await directIo(['if=/dev/zero', `of=${disk.path}`, 'oflag=direct', `count=${WRITES}`]);
      const before = await iolatency.scrape();
      await iolatency.recordMaps();
      assert.equal(sampleValue(before, name, labels), READS);
      assert.equal(sumOf(before, `${Q2C}_count`, { device: disk.name }), READS + WRITES);

      await iolatency.containers.remove(own);
      assert.equal(sampleValue(await iolatency.scrape(), name, labels), READS, 'once after its end');
      const after = await iolatency.scrape();
      assert.deepEqual(samplesOf(after, name, labels), []);
      assert.equal(sumOf(after, `${Q2C}_count`, { device: disk.name }), READS + WRITES, "the disk's stay");
    }),
);

test('a driver that takes bios has q2c, and no d2c', {
  skip: skip || (ZramDevice.available() ? false : 'no zram'),
}, async () => {
  using disk = new ZramDevice(BYTES);
  const operands = ['if=/dev/zero', `of=${disk.path}`, 'oflag=direct', `count=${WRITES}`];
  const { before, after, shown } = await counted(disk, operands);
  const labels = { device: disk.name, operation: 'WRITE' };
  assert.equal(after.writes - before.writes, WRITES);
  assert.equal(sampleValue(shown, `${Q2C}_count`, labels), WRITES);
  assert.equal(sampleValue(shown, `${D2C}_count`, labels), 0);
});

test('the series of a disk go with it', {
  skip: skip || (ZramDevice.available() ? false : 'no zram'),
}, async () => {
  await using iolatency = await CollectorHarness.load('iolatency');
  let device = '';
  {
    using disk = new ZramDevice(BYTES);
    device = disk.name;
    await directIo(['if=/dev/zero', `of=${disk.path}`, 'oflag=direct', `count=${WRITES}`]);
    assert.ok(sumOf(await iolatency.scrape(), `${Q2C}_count`, { device }) >= WRITES);
  }
  assert.deepEqual(samplesOf(await iolatency.scrape(), `${Q2C}_count`, { device }), []);
});
