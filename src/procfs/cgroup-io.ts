/**
 * What a cgroup with those below it has read and written, by disk.
 *
 *          v1 (blkio hierarchy)                                        v2
 *   bytes  blkio.throttle.io_service_bytes_recursive `8:0 Read 4096`   io.stat `8:0 rbytes=4096 wbytes=0 rios=1 …`
 *   count  blkio.throttle.io_serviced_recursive
 *
 * Formats: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/blkio-controller.rst. The recursive files of v1 are there since
 * Linux 5.0; before, those of the cgroup alone.
 */
import { join } from 'node:path';
import { decimal, readIfThere } from './source.ts';

export interface CgroupIo {
  /** `8:0` */
  readonly device: string;
  read_bytes: number;
  written_bytes: number;
  discarded_bytes: number;
  reads: number;
  writes: number;
  discards: number;
}

type Amount = Exclude<keyof CgroupIo, 'device'>;

const V2_KEYS = new Map<string, Amount>([
  ['rbytes', 'read_bytes'],
  ['wbytes', 'written_bytes'],
  ['dbytes', 'discarded_bytes'],
  ['rios', 'reads'],
  ['wios', 'writes'],
  ['dios', 'discards'],
]);
const V1_BYTES = new Map<string, Amount>([
  ['Read', 'read_bytes'],
  ['Write', 'written_bytes'],
  ['Discard', 'discarded_bytes'],
]);
const V1_COUNTS = new Map<string, Amount>([
  ['Read', 'reads'],
  ['Write', 'writes'],
  ['Discard', 'discards'],
]);

/**
 * @param cgroups directories by controller, `unified` for v2
 * @returns one for each disk it has used; empty when it is gone, or has no io controller
 * @throws SOURCE_UNREADABLE
 */
export function readCgroupIo(cgroups: Readonly<Record<string, string>>): CgroupIo[] {
  const { blkio, unified } = cgroups;
  if (blkio !== undefined)
    return parseV1Io(readV1(blkio, 'io_service_bytes') ?? '', readV1(blkio, 'io_serviced') ?? '');
  return unified === undefined ? [] : parseIoStat(readIfThere(join(unified, 'io.stat')) ?? '');
}

function readV1(directory: string, name: string): string | undefined {
  const file = join(directory, `blkio.throttle.${name}`);
  return readIfThere(`${file}_recursive`) ?? readIfThere(file);
}

/** Keys that are not known (`cost.usage`) and lines of another shape are skipped. */
export function parseIoStat(text: string): CgroupIo[] {
  return text.split('\n').flatMap((line) => {
    const [device, ...pairs] = line.split(' ');
    if (!isDevice(device)) return [];
    const io = nothing(device);
    let known = false;
    for (const pair of pairs) {
      const at = pair.indexOf('=');
      const amount = V2_KEYS.get(pair.slice(0, at));
      const value = decimal(pair.slice(at + 1));
      if (amount === undefined || value === undefined) continue;
      io[amount] = value;
      known = true;
    }
    return known ? [io] : [];
  });
}

/** Of `Sync`, `Async` and `Total` the others are the parts. */
export function parseV1Io(bytes: string, counts: string): CgroupIo[] {
  const disks = new Map<string, CgroupIo>();
  for (const [text, amounts] of [
    [bytes, V1_BYTES],
    [counts, V1_COUNTS],
  ] as const) {
    for (const line of text.split('\n')) {
      const [device, operation = '', number] = line.split(' ');
      const amount = amounts.get(operation);
      const value = decimal(number);
      if (!isDevice(device) || amount === undefined || value === undefined) continue;
      const io = disks.get(device) ?? nothing(device);
      io[amount] = value;
      disks.set(device, io);
    }
  }
  return [...disks.values()];
}

function isDevice(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}:\d{1,10}$/.test(text);
}

function nothing(device: string): CgroupIo {
  return { device, read_bytes: 0, written_bytes: 0, discarded_bytes: 0, reads: 0, writes: 0, discards: 0 };
}
