/** A known number of requests to a loop device, of a container and of the host. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { directIo, diskStat, LoopDevice } from '../../support/disks.ts';
import { container } from '../../support/harness-containers.ts';
import { skipWithoutRoot } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const BLOCK_BYTES = 4096;
const READS = 151;
const WRITES = 73;
const skip = skipWithoutRoot() || skipWithoutPrograms('losetup', 'dd') || skipWithoutController('blkio');

test("requests and bytes are dd's, for the disk and for the container", { skip }, async () => {
  using disk = new LoopDevice(8 << 20);
  await using cgroup = TestCgroup.make('blkio', `/huatuo-diskio-${process.pid}/inner`);
  const own = container('own', { [cgroup.version === 1 ? 'blkio' : 'unified']: cgroup.path });
  await using diskio = await CollectorHarness.load('diskio', {
    options: { include: disk.name, exclude: '' },
    containers: [own],
  });
  const labels = { device: disk.name };
  const before = await diskio.scrape();
  await directIo([`if=${disk.path}`, 'of=/dev/null', 'iflag=direct', `count=${READS}`], (pid) =>
    cgroup.add(pid),
  );
  await directIo(['if=/dev/zero', `of=${disk.path}`, 'oflag=direct', `count=${WRITES}`]);
  const after = await diskio.scrape();

  const rise = (name: string): number => of(after, name) - of(before, name);
  const of = (page: ReadonlyMap<string, PageFamily>, name: string): number =>
    sampleValue(page, `huatuo_bamai_diskio_${name}_total`, labels);
  assert.deepEqual(['read_requests', 'write_requests', 'read_bytes', 'written_bytes'].map(rise), [
    READS,
    WRITES,
    READS * BLOCK_BYTES,
    WRITES * BLOCK_BYTES,
  ]);
  assert.deepEqual(
    ['read_time_seconds', 'write_time_seconds'].map((name) => Math.round(of(after, name) * 1000)),
    [diskStat(disk.name).read_ms, diskStat(disk.name).write_ms],
  );
  const ofContainer = (name: string): number =>
    sampleValue(after, `huatuo_container_diskio_${name}_total`, { ...labels, container_id: own.id });
  assert.deepEqual(['read_requests', 'read_bytes', 'write_requests', 'written_bytes'].map(ofContainer), [
    READS,
    READS * BLOCK_BYTES,
    0,
    0,
  ]);
  assert.equal(samplesOf(after, 'huatuo_bamai_diskio_read_requests_total').length, 1);
});

interface IostatDisk {
  readonly disk_device: string;
  readonly kB_read: number;
  readonly kB_wrtn: number;
}

test('bytes since the start are those of iostat', {
  skip: skip || skipWithoutPrograms('iostat'),
}, async () => {
  using disk = new LoopDevice(8 << 20);
  await directIo([`if=${disk.path}`, 'of=/dev/null', 'iflag=direct', `count=${READS}`]);
  await directIo(['if=/dev/zero', `of=${disk.path}`, 'oflag=direct', `count=${WRITES}`]);
  await using diskio = await CollectorHarness.load('diskio', {
    options: { include: disk.name, exclude: '' },
  });
  const page = await diskio.scrape();
  const told = execFileSync('iostat', ['-d', '-k', '-o', 'JSON', disk.name], { encoding: 'utf8' });
  const { sysstat } = JSON.parse(told) as {
    sysstat: { hosts: { statistics: { disk: IostatDisk[] }[] }[] };
  };
  const found = sysstat.hosts[0]?.statistics[0]?.disk.find(({ disk_device }) => disk_device === disk.name);
  const kilobytes = (name: string): number =>
    Math.floor(sampleValue(page, `huatuo_bamai_diskio_${name}_bytes_total`, { device: disk.name }) / 1024);
  assert.deepEqual([kilobytes('read'), kilobytes('written')], [found?.kB_read, found?.kB_wrtn]);
});
