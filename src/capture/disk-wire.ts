/** Entries of the maps of bpf/agent/disk_activity.bpf.c, as bytes. */
import { textAt, viewOf } from '../bytes.ts';
import type { MapBatch } from '../decoder/maps.ts';
import type { DiskFile, DiskRequest, DiskUsage } from '../sdk/disks.ts';

const FILE_BYTES = 16;
const USER_BYTES = 32;
const USAGE_BYTES = 88;
const BIO_BYTES = 72;
const COMM_BYTES = 16;
const PATH_DEPTH = 16;
const NAME_BYTES = 64;

export type Paths = ReadonlyMap<string, string>;

/** By the file's number and its file system's. */
export function rawPaths({ count, keys, values }: MapBatch): (readonly [string, string])[] {
  const key = viewOf(keys);
  return Array.from({ length: count }, (_, index) => {
    const names: string[] = [];
    for (let depth = 0; depth < PATH_DEPTH; depth++) {
      const name = textAt(values, (index * PATH_DEPTH + depth) * NAME_BYTES, NAME_BYTES);
      if (name === '') break;
      names.unshift(name);
    }
    const path = `${names.length === PATH_DEPTH ? '…' : ''}/${names.join('/')}`;
    return [keyAt(key, index * FILE_BYTES), names.length === 0 ? '' : path] as const;
  });
}

export function rawUsages({ count, keys, values }: MapBatch, paths: Paths): DiskUsage[] {
  const [key, value] = [viewOf(keys), viewOf(values)];
  return Array.from({ length: count }, (_, index) => {
    const at = (member: number): number => Number(value.getBigUint64(index * USAGE_BYTES + member * 8, true));
    return {
      ...userAt(key, index * USER_BYTES, paths),
      comm: textAt(values, index * USAGE_BYTES + 72, COMM_BYTES),
      ...{ read_bytes: at(0), write_bytes: at(1), dirtied_bytes: at(2), requests: at(3) },
      ...{ q2c_ns: at(4), q2c_max_ns: at(5), issued: at(6), d2c_ns: at(7), d2c_max_ns: at(8) },
    };
  });
}

/** @param now_ns CLOCK_MONOTONIC */
export function rawRequests({ count, values }: MapBatch, paths: Paths, now_ns: bigint): DiskRequest[] {
  const value = viewOf(values);
  return Array.from({ length: count }, (_, index) => {
    const at = index * BIO_BYTES;
    const { isDirect: _direct, ...user } = userAt(value, at, paths);
    return {
      ...user,
      comm: textAt(values, at + 56, COMM_BYTES),
      operation: value.getUint32(at + 52, true) === 0 ? 'read' : 'write',
      bytes: value.getUint32(at + 48, true),
      age_ns: Number(now_ns - value.getBigUint64(at + 32, true)),
      isIssued: value.getBigUint64(at + 40, true) !== 0n,
    };
  });
}

/** Both of `struct disk_losses`. */
export function rawLosses({ values }: MapBatch): number {
  const view = viewOf(values);
  return Number(view.getBigUint64(0, true) + view.getBigUint64(8, true));
}

/** `struct disk_user` */
function userAt(
  view: DataView,
  at: number,
  paths: Paths,
): Pick<DiskUsage, 'pid' | 'isKernel' | 'isDirect' | 'cgroupId' | 'file'> {
  return {
    pid: view.getUint32(at + 24, true),
    isKernel: view.getUint8(at + 28) !== 0,
    isDirect: view.getUint8(at + 29) !== 0,
    cgroupId: view.getBigUint64(at + 16, true),
    file: fileAt(view, at, paths),
  };
}

/** `struct file_id` */
export function fileAt(view: DataView, at: number, paths: Paths): DiskFile | undefined {
  const inode = view.getBigUint64(at, true);
  if (inode === 0n) return undefined;
  const path = paths.get(keyAt(view, at));
  return { inode, device: view.getUint32(at + 8, true), ...(path && { path }) };
}

function keyAt(view: DataView, at: number): string {
  return `${view.getUint32(at + 8, true)} ${view.getBigUint64(at, true)}`;
}
