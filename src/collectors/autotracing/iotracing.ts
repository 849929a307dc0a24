/**
 * Slow and saturated disks. What a quiet host costs is one read of /proc/diskstats for each look; while a disk is asked for
 * something, a file of each container and unit beside it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { blockDeviceName } from '../../procfs/device-names.ts';
import { parseDeviceNumbers, parseDiskstats } from '../../procfs/diskstats.ts';
import { readMountinfo } from '../../procfs/mountinfo.ts';
import { readSource } from '../../procfs/source.ts';
import * as sdk from '../../sdk/index.ts';
import { readUses, usersBefore } from './iotracing-before.ts';
import { type DiskState, ratesOf, reasonOf, summaryOf } from './iotracing-rates.ts';
import { numbersOf, processRows, requestRows, waitRows, waitsOfUsers } from './iotracing-users.ts';

const FILE = {
  major: sdk.optional(sdk.integer('Device of the file system, as stat(2) has it')),
  minor: sdk.optional(sdk.integer('The same')),
  dev_name: sdk.optional(sdk.keyword('Its name')),
  inode: sdk.optional(sdk.integer('Inode of the file; absent when it is not known')),
  path: sdk.optional(
    sdk.keyword('Path of the file where its file system is mounted as a whole; else in its file system'),
  ),
};
const PAYER = {
  container_id: sdk.optional(sdk.keyword('Container that pays for it')),
  systemd_unit: sdk.optional(sdk.keyword('Systemd unit that pays for it')),
};
const PROCESS = { pid: sdk.integer('Process'), comm: sdk.keyword('Its name') };
const rate = (doc: string) => sdk.bytes(`${doc}, bytes in a second`);
const microseconds = (doc: string) => sdk.integer(`${doc}, in microseconds`);

export default sdk.defineAutotracing({
  doc: 'Shows which processes use a disk that is slow or saturated, and which files.',
  about: {
    question:
      'Which disk is slow or saturated, which processes, containers and systemd units read and write it, which files, how long do requests take, where do tasks wait for them, and which requests are stuck?',
    reads:
      '/proc/diskstats; while a disk has requests, io.stat or blkio.throttle.io_service_bytes of cgroups; at a capture disk_activity.bpf.c, profile_off_cpu.bpf.c and /proc/self/mountinfo',
    kernel:
      '5.10; where tasks wait from 5.11; requests of more than 128 parts as a whole from 5.17; files that are read or written past the page cache from 6.6; pages made dirty from 5.18; before, files are named when they are written back',
    falsePositives:
      'A backup or a scan saturates a disk by intention, and a disk that serves many requests at once may be busy all the time and not full. Not seen: bytes that the page cache has without the disk, requests that a cgroup’s limit holds back before they are queued, and of a stacked disk (dm, md) what is made dirty: look at the disks below',
  },
  options: {
    every: sdk.duration('5s', 'Time between two samples', { min: '1s', max: '1h' }),
    window: sdk.count(3, 'Samples; between each two of them the disk is over a limit', { min: 2, max: 720 }),
    include: sdk.pattern('', 'Disks to look at; empty for all'),
    exclude: sdk.pattern('(z?ram|fd|sr)\\d+', 'Disks to leave out; empty for none'),
    util_percent: sdk.number(90, 'Share of the time in which there is a request', { min: 0, max: 100 }),
    await: sdk.duration('100ms', 'Average time of a request', { min: '1ms' }),
    min_requests: sdk.count(10, 'An average is of at least so many requests between two samples'),
    nvme_read: sdk.size('2000MiB', 'Of NVMe, what beside util_percent has to be read in a second'),
    nvme_write: sdk.size('1500MiB', 'The same for writing'),
    profile: sdk.duration('8s', 'How long is looked at who uses the disk', sdk.IN_CAPTURE),
    top: sdk.count(10, 'Processes, stacks and requests in a document', { min: 1, max: 100 }),
    top_files: sdk.count(5, 'Files of each process', { min: 1, max: 100 }),
  },
  document: {
    reason_snapshot: sdk.struct({
      type: sdk.keyword('Limit that it is over: ioutil, read_bps, write_bps, read_await or write_await'),
      device: sdk.keyword('Disk'),
      major_num: sdk.integer('Its major number'),
      minor_num: sdk.integer('Its minor number'),
      iostatus: sdk.struct({
        read_bps: rate('Read'),
        read_iops: sdk.decimal('Reads in a second'),
        read_await: sdk.optional(sdk.decimal('Average time of a read, in milliseconds')),
        write_bps: rate('Written'),
        write_iops: sdk.decimal('Writes in a second'),
        write_await: sdk.optional(sdk.decimal('Average time of a write, in milliseconds')),
        io_util: sdk.decimal('Time in which there was a request, in percent'),
        queue_size: sdk.decimal('Requests at a time, on average'),
      }),
      summary: sdk.keyword('The same in words'),
    }),
    users_before: sdk.optional(
      sdk.list(
        sdk.struct({
          ...PAYER,
          disk_read_bps: rate('Read from the disk'),
          disk_write_bps: rate('Written to the disk'),
        }),
        'Containers and units that used the disk before the trigger, by what their cgroups have counted, most first; absent where cgroups do not count, as v1 of Linux 6.10 and later for disks without limits',
      ),
    ),
    users_before_seconds: sdk.optional(sdk.decimal('Over how long')),
    process_file_io_stats: sdk.list(
      sdk.struct({
        ...PROCESS,
        is_kernel: sdk.boolean('A thread of the kernel, such as that which writes the page cache back'),
        ...PAYER,
        container_hostname: sdk.optional(sdk.keyword('Its host name')),
        total_fs_write_bps: rate('Pages made dirty, which are written by whomever'),
        total_disk_read_bps: rate('Read from the disk'),
        total_disk_write_bps: rate('Written to the disk'),
        total_file_count: sdk.integer('Files, those that are left out included'),
        total_files: sdk.list(
          sdk.struct({
            ...FILE,
            ...PAYER,
            is_direct: sdk.boolean('Past the page cache'),
            fs_write_bps: rate('Pages of it made dirty'),
            disk_read_bps: rate('Read from the disk'),
            disk_write_bps: rate('Written to the disk'),
            q2c_us: sdk.optional(microseconds('Average from queued to complete')),
            max_q2c_us: sdk.optional(microseconds('The longest of these')),
            d2c_us: sdk.optional(microseconds('Average from issued to complete')),
            max_d2c_us: sdk.optional(microseconds('The longest of these')),
          }),
          'Its files, those it moved most of first',
        ),
      }),
      'Processes that moved most first',
    ),
    io_schedule_timeout_stacks: sdk.list(
      sdk.struct({
        ...PROCESS,
        waits: sdk.integer('Waits with this stack'),
        total_latency_us: microseconds('All of them'),
        schedule_latency_us: microseconds('The average of them'),
        stack: sdk.list(sdk.keyword('Function'), 'Innermost first'),
      }),
      'Where the processes that use the disk wait for I/O, the longest in sum first',
    ),
    requests_in_flight: sdk.list(
      sdk.struct({
        ...PROCESS,
        operation: sdk.keyword('read or write'),
        bytes: sdk.bytes('Its size'),
        age_us: microseconds('Since it was queued'),
        is_issued: sdk.boolean('The driver has it'),
        ...PAYER,
        ...FILE,
      }),
      'Requests that were not complete at the end, the oldest first',
    ),
    seconds: sdk.decimal('How long was looked'),
    lost: sdk.integer('Requests and dirty pages for which there was no room'),
    flamedata: sdk.optional(sdk.PROFILE_FIELDS.flamedata),
    profile: sdk.optional(sdk.PROFILE_FIELDS.profile),
  },
  sample(ctx): (readonly [string, DiskState])[] {
    const { options, paths } = ctx;
    const text = readSource(join(paths.procfs, 'diskstats'));
    const numbers = parseDeviceNumbers(text);
    const isWanted = sdk.nameFilter(options);
    const samples = parseDiskstats(text).flatMap(
      ({ device, read, write, busy_seconds, weighted_seconds, in_progress }) => {
        const number = numbers.get(device);
        if (number === undefined || !isWanted(device) || !isWhole(paths.sysfs, device)) return [];
        return [
          [device, { device, number, read, write, busy_seconds, weighted_seconds, in_progress }] as const,
        ];
      },
    );
    if (samples.every(([, { in_progress }]) => in_progress === 0)) return samples;
    const uses = readUses(ctx);
    return samples.map(([device, state]) => {
      const own = uses.get(state.number);
      return [device, own ? { ...state, uses: own } : state];
    });
  },
  trigger({ full, samples, newest }, options) {
    if (!full) return undefined;
    const { device, number } = newest.state;
    const {
      util_percent,
      await: await_seconds,
      nvme_read: nvme_read_bps,
      nvme_write: nvme_write_bps,
    } = options;
    const limits = { util_percent, await_seconds, nvme_read_bps, nvme_write_bps };
    const pairs = samples.slice(1).map((after, index) => {
      const before = samples[index]!;
      const seconds = Number(after.boottime_ns - before.boottime_ns) / 1e9;
      const iostatus = ratesOf(before.state, after.state, seconds, options.min_requests);
      return { iostatus, type: iostatus && reasonOf(device, iostatus, limits) };
    });
    const { iostatus, type } = pairs.at(-1) ?? {};
    if (!iostatus || !type || !pairs.every((pair) => pair.type)) return undefined;
    const [major_num, minor_num] = numbersOf(number);
    const summary = summaryOf(device, type, iostatus);
    return {
      reason_snapshot: { type, device, major_num, minor_num, iostatus, summary },
      ...usersBefore(samples, options.top),
    };
  },
  async capture(_subject, why, { containers, disks, log, options, paths, profile }) {
    const { major_num, minor_num } = why.reason_snapshot;
    const { profile: seconds, top } = options;
    const [activity, waitsOfAll] = await Promise.all([
      disks.watch((major_num << 20) | minor_num, seconds),
      profile.block({ seconds }).catch((error: unknown) => {
        log.warn('where tasks wait for I/O cannot be seen', { error });
      }),
    ]);
    const waits = waitsOfAll && waitsOfUsers(waitsOfAll, activity);
    const cgroups = new Set([...activity.usages, ...activity.inFlight].map(({ cgroupId }) => cgroupId));
    const owners = new Map(
      await Promise.all(
        Array.from(cgroups, async (id) => [id, await containers.ownerOf(id, 'blkio')] as const),
      ),
    );
    const names = {
      mountinfo: readMountinfo(paths.procfs),
      deviceName: (device: number) => blockDeviceName(paths.sysfs, device),
      ownerOf: (cgroup: bigint) => owners.get(cgroup),
    };
    return {
      ...why,
      process_file_io_stats: processRows(activity, names, options),
      io_schedule_timeout_stacks: waits ? waitRows(waits, top) : [],
      requests_in_flight: requestRows(activity, names, top),
      seconds: activity.seconds,
      lost: activity.lost,
      ...(waits && sdk.profileDocument(waits)),
    };
  },
});

/** Neither a partition nor stacked on other disks, which have their own samples. */
function isWhole(sysfs: string, device: string): boolean {
  const directory = join(sysfs, 'class/block', device.replaceAll('/', '!'));
  if (existsSync(join(directory, 'partition'))) return false;
  try {
    return readdirSync(join(directory, 'slaves')).length === 0;
  } catch {
    return true;
  }
}
