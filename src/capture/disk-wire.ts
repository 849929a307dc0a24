/** Entries of the maps of bpf/agent/disk_activity.bpf.c, as bytes. */
import { type MemberReader, textAt, viewOf } from '../bytes.ts';
import type { MapBatch } from '../decoder/maps.ts';
import {
  DISK_BIO,
  DISK_LOSSES,
  DISK_USAGE,
  DISK_USER,
  FILE_ID,
  FILE_NAMES,
} from '../generated/agent_structs.ts';
import type { DiskFile, DiskRequest, DiskUsage } from '../sdk/disks.ts';

export type Paths = ReadonlyMap<string, string>;

/** By the file's number and its file system's. */
export function rawPaths({ count, keys, values }: MapBatch): (readonly [string, string])[] {
  const key = viewOf(keys);
  return Array.from({ length: count }, (_, index) => {
    const names: string[] = [];
    const { at, length, bytes } = FILE_NAMES.names;
    const first = index * FILE_NAMES.size_bytes + at;
    for (let depth = 0; depth < length; depth++) {
      const name = textAt(values, first + depth * bytes, bytes);
      if (name === '') break;
      names.unshift(name);
    }
    const path = `${names.length === length ? '…' : ''}/${names.join('/')}`;
    return [keyAt(key, index * FILE_ID.size_bytes), names.length === 0 ? '' : path] as const;
  });
}

export function rawUsages({ count, keys, values }: MapBatch, paths: Paths): DiskUsage[] {
  const [key, value] = [viewOf(keys), viewOf(values)];
  return Array.from({ length: count }, (_, index) => {
    const at = index * DISK_USAGE.size_bytes;
    const count = (read: MemberReader<bigint>): number => Number(read(value, at));
    return {
      ...userAt(key, index * DISK_USER.size_bytes, paths),
      comm: textAt(values, at + DISK_USAGE.comm.at, DISK_USAGE.comm.bytes),
      read_bytes: count(DISK_USAGE.read_bytes),
      write_bytes: count(DISK_USAGE.write_bytes),
      dirtied_bytes: count(DISK_USAGE.dirtied_bytes),
      requests: count(DISK_USAGE.bios),
      q2c_ns: count(DISK_USAGE.q2c_ns),
      q2c_max_ns: count(DISK_USAGE.q2c_max_ns),
      issued: count(DISK_USAGE.issued_bios),
      d2c_ns: count(DISK_USAGE.d2c_ns),
      d2c_max_ns: count(DISK_USAGE.d2c_max_ns),
    };
  });
}

/** @param now_ns CLOCK_MONOTONIC */
export function rawRequests({ count, values }: MapBatch, paths: Paths, now_ns: bigint): DiskRequest[] {
  const value = viewOf(values);
  return Array.from({ length: count }, (_, index) => {
    const at = index * DISK_BIO.size_bytes;
    const { isDirect: _direct, ...user } = userAt(value, at + DISK_BIO.user.at, paths);
    return {
      ...user,
      comm: textAt(values, at + DISK_BIO.comm.at, DISK_BIO.comm.bytes),
      operation: DISK_BIO.is_write(value, at) === 0 ? 'read' : 'write',
      bytes: DISK_BIO.bytes(value, at),
      age_ns: Number(now_ns - DISK_BIO.queued_ns(value, at)),
      isIssued: DISK_BIO.issued_ns(value, at) !== 0n,
    };
  });
}

/** Both of `struct disk_losses`. */
export function rawLosses({ values }: MapBatch): number {
  const view = viewOf(values);
  return Number(DISK_LOSSES.bios(view, 0) + DISK_LOSSES.usages(view, 0));
}

/** `struct disk_user` */
function userAt(
  view: DataView,
  at: number,
  paths: Paths,
): Pick<DiskUsage, 'pid' | 'isKernel' | 'isDirect' | 'cgroupId' | 'file'> {
  return {
    pid: DISK_USER.process(view, at),
    isKernel: DISK_USER.is_kernel(view, at) !== 0,
    isDirect: DISK_USER.is_direct(view, at) !== 0,
    cgroupId: DISK_USER.cgroup(view, at),
    file: fileAt(view, at + DISK_USER.file.at, paths),
  };
}

/** `struct file_id` */
export function fileAt(view: DataView, at: number, paths: Paths): DiskFile | undefined {
  const inode = FILE_ID.inode(view, at);
  if (inode === 0n) return undefined;
  const path = paths.get(keyAt(view, at));
  return { inode, device: FILE_ID.fs_device(view, at), ...(path && { path }) };
}

function keyAt(view: DataView, at: number): string {
  return `${FILE_ID.fs_device(view, at)} ${FILE_ID.inode(view, at)}`;
}
