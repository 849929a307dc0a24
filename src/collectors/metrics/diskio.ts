/** What disks have done, for the host and for each container. */
import { join } from 'node:path';
import { type CgroupIo, readCgroupIo } from '../../procfs/cgroup-io.ts';
import { hostPercent } from '../../procfs/cpu-percent.ts';
import { blockDeviceName } from '../../procfs/device-names.ts';
import { parseDiskstats } from '../../procfs/diskstats.ts';
import { readEach } from '../../procfs/each-device.ts';
import { readIfThere, readSource } from '../../procfs/source.ts';
import { readCpuStat } from '../../procfs/stat.ts';
import {
  type Collector,
  counter,
  defineMetric,
  gauge,
  nameFilter,
  pattern,
  perWorkload,
  WORKLOAD_LABELS,
} from '../../sdk/index.ts';

const EVERY_SECONDS = 10;
/** 500 containers with ten disks each. */
const MAX_SERIES = 30_000;

const device = ['device'] as const;
const own = (name: string, help: string) =>
  counter({ name: `huatuo_diskio_${name}_total`, help, labels: device });
const ofContainer = (name: string, help: string) =>
  counter({
    name: `huatuo_container_diskio_${name}_total`,
    help,
    labels: ['device', ...WORKLOAD_LABELS],
  });

const CONTAINER = {
  read_bytes: ofContainer('read_bytes', 'Bytes the container has read from the disk.'),
  written_bytes: ofContainer('written_bytes', 'Bytes the container has written to the disk.'),
  discarded_bytes: ofContainer('discarded_bytes', 'Bytes of the disk the container has discarded.'),
  reads: ofContainer(
    'read_requests',
    "The container's reads from the disk, before they are merged or split.",
  ),
  writes: ofContainer('write_requests', "The container's writes to the disk, likewise."),
  discards: ofContainer('discard_requests', "The container's discards, likewise."),
} as const satisfies Record<Exclude<keyof CgroupIo, 'device'>, unknown>;
const AMOUNTS = Object.keys(CONTAINER) as (keyof typeof CONTAINER)[];

const collector: Collector = defineMetric({
  doc: 'Shows what disks read and write, for how long, and for which container.',
  about: {
    question:
      'What do disks read, write, discard and flush, how long are they busy, and for which container?',
    reads: '/proc/diskstats, /proc/stat; io.stat or blkio.throttle of cgroups',
    kernel: 'any; discards from 4.18, flushes from 5.5, and of cgroup v1 with those below it from 5.0',
    falsePositives:
      'io_time is time with a request, not load: a disk that serves many at once can be busy all the time and not full. iowait is idle time, and vanishes when the CPU has other work. Writes from the page cache belong to no container on cgroup v1. What containers ask of a stacked disk (dm, md) is counted for it and those below',
  },
  maxSeries: MAX_SERIES,
  options: {
    include: pattern('', 'Devices to show; empty for all'),
    exclude: pattern(
      '(z?ram|loop|fd|(h|s|v|xv)d[a-z]+|nvme\\d+n\\d+p|mmcblk\\d+p)\\d+',
      'Devices to leave out, by default partitions and what is no disk; empty for none',
    ),
  },
  metrics: {
    read_requests_total: counter({ help: 'Reads that are done.', labels: device }),
    write_requests_total: counter({ help: 'Writes that are done.', labels: device }),
    read_bytes_total: counter({ help: 'Bytes read.', labels: device }),
    written_bytes_total: counter({ help: 'Bytes written.', labels: device }),
    read_time_seconds_total: counter({ help: 'Time of all reads, queued and served.', labels: device }),
    write_time_seconds_total: counter({ help: 'Time of all writes, queued and served.', labels: device }),
    io_in_progress: gauge({ help: 'Requests that are not done.', labels: device }),
    io_time_seconds_total: counter({ help: 'Time in which there was a request.', labels: device }),
    io_time_weighted_seconds_total: counter({
      help: 'Time of all requests, those that are not done included: its rate is the mean length of the queue.',
      labels: device,
    }),
    disk_iowait_percent: gauge({
      help: `Time in which a CPU was idle and a task that ran there waited for a disk, in percent of all CPUs, over ${EVERY_SECONDS} s.`,
    }),
    device_mapper: gauge({
      name: 'huatuo_diskio_device_mapper_info',
      help: 'Name that LVM, LUKS or multipath gave the device; always 1.',
      labels: ['device', 'name'],
    }),
    read_merges: own('read_merges', 'Reads that were merged into others.'),
    write_merges: own('write_merges', 'Writes that were merged into others.'),
    discard_requests: own('discard_requests', 'Discards that are done.'),
    discard_merges: own('discard_merges', 'Discards that were merged into others.'),
    discarded: own('discarded_bytes', 'Bytes discarded.'),
    discard_time: own('discard_time_seconds', 'Time of all discards, queued and served.'),
    flush_requests: own('flush_requests', 'Flushes of the cache that are done.'),
    flush_time: own('flush_time_seconds', 'Time of all flushes, queued and served.'),
    ...CONTAINER,
  },
  sample: { every: EVERY_SECONDS, take: ({ paths }) => readCpuStat(paths.procfs).total },
  update(context) {
    const { metrics, options, paths, samples, log } = context;
    const isShown = nameFilter(options);
    for (const disk of parseDiskstats(readSource(join(paths.procfs, 'diskstats')))) {
      if (!isShown(disk.device)) continue;
      const labels = { device: disk.device };
      const { read, write, discard, flush } = disk;
      metrics.read_requests_total.set(read.requests, labels);
      metrics.write_requests_total.set(write.requests, labels);
      metrics.read_bytes_total.set(read.bytes, labels);
      metrics.written_bytes_total.set(write.bytes, labels);
      metrics.read_time_seconds_total.set(read.seconds, labels);
      metrics.write_time_seconds_total.set(write.seconds, labels);
      metrics.io_in_progress.set(disk.in_progress, labels);
      metrics.io_time_seconds_total.set(disk.busy_seconds, labels);
      metrics.io_time_weighted_seconds_total.set(disk.weighted_seconds, labels);
      metrics.read_merges.set(read.merged, labels);
      metrics.write_merges.set(write.merged, labels);
      if (discard) {
        metrics.discard_requests.set(discard.requests, labels);
        metrics.discard_merges.set(discard.merged, labels);
        metrics.discarded.set(discard.bytes, labels);
        metrics.discard_time.set(discard.seconds, labels);
      }
      if (flush) {
        metrics.flush_requests.set(flush.requests, labels);
        metrics.flush_time.set(flush.seconds, labels);
      }
      if (!disk.device.startsWith('dm-')) continue;
      const [name] = readEach(log, [disk.device], (device) => deviceMapperName(paths.sysfs, device));
      if (name !== undefined) metrics.device_mapper.set(1, { ...labels, name });
    }

    const [older, newer] = samples;
    const percent = older && newer && hostPercent(older.state, newer.state)?.iowait;
    if (percent !== undefined) metrics.disk_iowait_percent.set(percent);

    const names = new Map<string, string>();
    perWorkload(context, ({ cgroups }, labels) => {
      for (const io of readCgroupIo(cgroups)) {
        const name = names.get(io.device) ?? diskName(paths.sysfs, io.device);
        names.set(io.device, name);
        if (!isShown(name)) continue;
        for (const amount of AMOUNTS) metrics[amount].set(io[amount], { device: name, ...labels });
      }
    });
  },
});
export default collector;

function deviceMapperName(sysfs: string, name: string): string | undefined {
  return readIfThere(join(sysfs, 'block', name, 'dm/name'))?.trimEnd();
}

/** @param device `8:0` */
function diskName(sysfs: string, device: string): string {
  const [major = 0, minor = 0] = device.split(':').map(Number);
  return blockDeviceName(sysfs, (major << 20) | minor);
}
