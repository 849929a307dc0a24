/** Who uses a disk, as it stands in a document: for iotracing. */
import { parseMountinfo } from '../../procfs/mountinfo.ts';
import type { DiskActivity, DiskFile, DiskUsage, Owner, Profile } from '../../sdk/index.ts';
import type { DiskPayer } from './iotracing-before.ts';
import { onlyStacks } from './some-stacks.ts';

const MINOR_BITS = 20;
const MINORS: number = (1 << MINOR_BITS) - 1;

/** @returns major and minor of a dev_t */
export function numbersOf(device: number): readonly [major: number, minor: number] {
  return [device >>> MINOR_BITS, device & MINORS];
}

export interface Names {
  /** Text of a mountinfo: where file systems are mounted. */
  readonly mountinfo: string;
  /** Of block devices. */
  readonly deviceName: (device: number) => string;
  readonly ownerOf: (cgroup: bigint) => Owner | undefined;
}

interface FileRow {
  readonly major?: number;
  readonly minor?: number;
  readonly dev_name?: string;
  readonly inode?: bigint;
  readonly path?: string;
}

/** The path is as the host sees it where the whole file system is mounted, else the one in its file system. */
export function fileRow(file: DiskFile | undefined, { mountinfo, deviceName }: Names): FileRow {
  if (!file) return {};
  const [major, minor] = numbersOf(file.device);
  const line = mountinfo.split('\n').find((one) => {
    const [, , number, root] = one.split(' ');
    return number === `${major}:${minor}` && root === '/';
  });
  const [mount] = parseMountinfo(line ?? '');
  const { inode, path } = file;
  const prefix = mount && mount.mountPoint !== '/' ? mount.mountPoint : '';
  return {
    ...{ major, minor, dev_name: deviceName(file.device), inode },
    ...(path !== undefined && { path: path.startsWith('/') ? prefix + path : path }),
  };
}

function payerRow(owner: Owner | undefined): DiskPayer {
  if (owner?.type === 'container') return { container_id: owner.container.id };
  return owner?.type === 'unit' ? { systemd_unit: owner.name } : {};
}

interface Most {
  readonly top: number;
  readonly top_files: number;
}

function bytesOf({ read_bytes, write_bytes, dirtied_bytes }: DiskUsage): number {
  return read_bytes + write_bytes + dirtied_bytes;
}

/** Those that moved most first, each with the files of which it moved most. */
export function processRows({ usages, seconds }: DiskActivity, names: Names, { top, top_files }: Most) {
  const rate = (bytes: number): number => Math.round(bytes / seconds);
  const sum = (all: readonly DiskUsage[], weigh: (usage: DiskUsage) => number): number =>
    all.reduce((total, usage) => total + weigh(usage), 0);
  const fileOf = (usage: DiskUsage) => {
    const { requests, q2c_ns, q2c_max_ns, issued, d2c_ns, d2c_max_ns } = usage;
    return {
      ...fileRow(usage.file, names),
      ...payerRow(names.ownerOf(usage.cgroupId)),
      is_direct: usage.isDirect,
      fs_write_bps: rate(usage.dirtied_bytes),
      disk_read_bps: rate(usage.read_bytes),
      disk_write_bps: rate(usage.write_bytes),
      ...(requests > 0 && {
        q2c_us: Math.round(q2c_ns / requests / 1000),
        max_q2c_us: Math.round(q2c_max_ns / 1000),
      }),
      ...(issued > 0 && {
        d2c_us: Math.round(d2c_ns / issued / 1000),
        max_d2c_us: Math.round(d2c_max_ns / 1000),
      }),
    };
  };
  return [...Map.groupBy(usages, ({ pid }) => pid).values()]
    .toSorted((a, b) => sum(b, bytesOf) - sum(a, bytesOf))
    .slice(0, top)
    .flatMap((own) => {
      const all = own.toSorted((a, b) => bytesOf(b) - bytesOf(a));
      const [most] = all;
      if (!most) return [];
      const owner = most.isKernel ? undefined : names.ownerOf(most.cgroupId);
      return {
        ...{ pid: most.pid, comm: most.comm, is_kernel: most.isKernel },
        ...payerRow(owner),
        ...(owner?.type === 'container' && { container_hostname: owner.container.hostname }),
        total_fs_write_bps: rate(sum(all, (usage) => usage.dirtied_bytes)),
        total_disk_read_bps: rate(sum(all, (usage) => usage.read_bytes)),
        total_disk_write_bps: rate(sum(all, (usage) => usage.write_bytes)),
        total_file_count: all.length,
        total_files: all.slice(0, top_files).map(fileOf),
      };
    });
}

/** Waits for I/O of the processes that use the disk. */
export function waitsOfUsers(profile: Profile, { usages, inFlight }: DiskActivity): Profile {
  const users = new Set([...usages, ...inFlight].map(({ pid }) => pid));
  return onlyStacks(profile, ({ pid, state }) => state === 'io_wait' && users.has(pid));
}

/** The longest in sum first. */
export function waitRows({ stacks }: Profile, top: number) {
  return stacks
    .toSorted((a, b) => b.value - a.value)
    .slice(0, top)
    .map(({ pid, comm, samples, value, frames }) => ({
      ...{ pid, comm, waits: samples },
      total_latency_us: Math.round(value / 1000),
      schedule_latency_us: Math.round(value / samples / 1000),
      stack: frames.toReversed().map(({ name }) => name),
    }));
}

export function requestRows({ inFlight }: DiskActivity, names: Names, top: number) {
  return inFlight.slice(0, top).map(({ pid, comm, operation, bytes, age_ns, isIssued, file, cgroupId }) => {
    return {
      ...{ pid, comm, operation, bytes, age_us: Math.round(age_ns / 1000), is_issued: isIssued },
      ...payerRow(names.ownerOf(cgroupId)),
      ...fileRow(file, names),
    };
  });
}
