/** The diskio collector over a host that the test makes up, with a clock that the test moves. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPercent } from '../../../src/procfs/cpu-percent.ts';
import { parseCpuStat } from '../../../src/procfs/stat.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';
import { TestClock } from '../../support/test-clock.ts';

const line = (device: string): string =>
  `   8       0 ${device} 10 1 80 1500 20 2 160 2500 3 4000 5000 4 3 8 250 7 125\n`;

function host(): FixtureProc {
  const proc = new FixtureProc();
  proc.write(
    'diskstats',
    ['sda', 'sda1', 'loop0', 'nvme0n1', 'nvme0n1p2', 'dm-0', 'mmcblk0p1'].map(line).join(''),
  );
  proc.write('stat', 'cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n');
  proc.write('block/dm-0/dm/name', 'vg-data\n');
  mkdirSync(join(proc.directory, 'dev/block'), { recursive: true });
  symlinkSync('../../devices/sda', join(proc.directory, 'dev/block/8:0'));
  symlinkSync('../../devices/loop0', join(proc.directory, 'dev/block/7:0'));
  return proc;
}

test('disks of the host, without partitions and what is no disk', async () => {
  using proc = host();
  await using diskio = await CollectorHarness.load('diskio', {
    paths: { procfs: proc.directory, sysfs: proc.directory },
  });
  assert.deepEqual(promlint(await diskio.page()), []);
  const page = await diskio.scrape();
  const reads = samplesOf(page, 'huatuo_bamai_diskio_read_requests_total');
  assert.deepEqual(reads.map(({ labels }) => labels.device).sort(), ['dm-0', 'nvme0n1', 'sda']);
  const sda = (name: string): number => sampleValue(page, name, { device: 'sda' });
  assert.deepEqual(
    [
      'read_requests_total',
      'write_requests_total',
      'read_bytes_total',
      'written_bytes_total',
      'read_time_seconds_total',
      'write_time_seconds_total',
      'io_in_progress',
      'io_time_seconds_total',
      'io_time_weighted_seconds_total',
    ].map((name) => sda(`huatuo_bamai_diskio_${name}`)),
    [10, 20, 40_960, 81_920, 1.5, 2.5, 3, 4, 5],
  );
  assert.deepEqual(
    [
      'read_merges',
      'write_merges',
      'discard_requests',
      'discarded_bytes',
      'flush_requests',
      'flush_time_seconds',
    ].map((name) => sda(`huatuo_diskio_${name}_total`)),
    [1, 2, 4, 4096, 7, 0.125],
  );
  assert.equal(sampleValue(page, 'huatuo_diskio_device_mapper_info', { device: 'dm-0', name: 'vg-data' }), 1);
});

test('what containers read and write, by the same names of disks', async () => {
  using proc = host();
  const blkio = proc.write(
    'v1/blkio.throttle.io_service_bytes_recursive',
    '8:0 Read 4096\n8:0 Total 4096\nTotal 4096\n',
  );
  proc.write('v1/blkio.throttle.io_serviced_recursive', '8:0 Read 1\nTotal 1\n');
  const unified = proc.write(
    'v2/io.stat',
    '8:0 rbytes=8192 wbytes=0 rios=2 wios=0\n7:0 rbytes=1 rios=1\n9:9 rbytes=5 rios=1\n',
  );
  const containers = [
    container('one', { blkio }),
    container('two', { unified }),
    container('gone', { unified: join(unified, 'gone') }),
  ];
  const paths = { procfs: proc.directory, sysfs: proc.directory };
  await using diskio = await CollectorHarness.load('diskio', { paths, containers });
  const page = await diskio.scrape();
  const of = (name: string): unknown[] =>
    samplesOf(page, `huatuo_container_diskio_${name}_total`).map(({ labels, value }) => [
      labels.container_id,
      labels.device,
      value,
    ]);
  assert.deepEqual(of('read_bytes'), [
    ['one', 'sda', 4096],
    ['two', 'sda', 8192],
    ['two', '9:9', 5],
  ]);
  assert.deepEqual(of('write_requests'), [
    ['one', 'sda', 0],
    ['two', 'sda', 0],
    ['two', '9:9', 0],
  ]);
});

test('iowait is a share of the interval between two samples of its own', async () => {
  using proc = host();
  await using diskio = await CollectorHarness.load('diskio', {
    paths: { procfs: proc.directory, sysfs: proc.directory },
    clock: new TestClock(0n),
  });
  const name = 'huatuo_bamai_diskio_disk_iowait_percent';
  await diskio.sample();
  assert.equal((await diskio.scrape()).has(name), false, 'one sample is no interval');
  await diskio.clock.advance(10);
  proc.write('stat', 'cpu 100 0 0 650 250 0 0 0 0 0\n');
  await diskio.sample();
  for (let scrapes = 0; scrapes < 2; scrapes++) assert.equal(sampleValue(await diskio.scrape(), name), 25);
});

test('iowait that steps back is none', () => {
  const at = (iowait: number, idle: number) => parseCpuStat(`cpu 0 0 0 ${idle} ${iowait} 0 0 0 0 0\n`).total;
  assert.equal(hostPercent(at(10, 0), at(5, 10))?.iowait, 0);
  assert.equal(hostPercent(at(10, 0), at(10, 0)), undefined);
});
