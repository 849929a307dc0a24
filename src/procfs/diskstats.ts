/** What each block device has done: /proc/diskstats, Documentation/admin-guide/iostats.rst, diskstats_show() in block/genhd.c. */
import { decimal } from './source.ts';

/** The kernel's sector here, whatever the disk's is. */
const SECTOR_BYTES = 512;
const MS_PER_SECOND = 1_000;

export interface DiskOperation {
  readonly requests: number;
  readonly merged: number;
  readonly bytes: number;
  /** Of all requests, from being queued to completion. */
  readonly seconds: number;
}

export interface DiskStats {
  readonly device: string;
  readonly read: DiskOperation;
  readonly write: DiskOperation;
  readonly in_progress: number;
  /** Time in which there was a request. */
  readonly busy_seconds: number;
  /** Time of all requests, those that are not done included. */
  readonly weighted_seconds: number;
  /** Linux >= 4.18 */
  readonly discard?: DiskOperation;
  /** Linux >= 5.5 */
  readonly flush?: Pick<DiskOperation, 'requests' | 'seconds'>;
}

/** Lines that are too short or hold no numbers are skipped, fields of later kernels ignored. */
export function parseDiskstats(text: string): DiskStats[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): DiskStats | undefined {
  const [, , device, ...fields] = line.trim().split(/ +/);
  const numbers: number[] = [];
  for (const field of fields) {
    const number = decimal(field);
    if (number === undefined) break;
    numbers.push(number);
  }
  const at = (index: number): number => numbers[index] ?? 0;
  const operation = (first: number): DiskOperation => ({
    requests: at(first),
    merged: at(first + 1),
    bytes: at(first + 2) * SECTOR_BYTES,
    seconds: at(first + 3) / MS_PER_SECOND,
  });
  if (!device || numbers.length < 11) return undefined;
  return {
    device,
    read: operation(0),
    write: operation(4),
    in_progress: at(8),
    busy_seconds: at(9) / MS_PER_SECOND,
    weighted_seconds: at(10) / MS_PER_SECOND,
    ...(numbers.length >= 15 && { discard: operation(11) }),
    ...(numbers.length >= 17 && { flush: { requests: at(15), seconds: at(16) / MS_PER_SECOND } }),
  };
}

/** Numbers of the devices by name, dev_t as the kernel has it: major << 20 | minor. */
export function parseDeviceNumbers(text: string): Map<string, number> {
  const lines = text.matchAll(/^ *(\d{1,4}) +(\d{1,7}) (\S+) /gm);
  return new Map(
    Array.from(lines, ([, major, minor, device = '']) => [device, (Number(major) << 20) | Number(minor)]),
  );
}
