/** Software RAID: /sys/block/md<n>/md, Documentation/admin-guide/md.rst. */
import { join } from 'node:path';
import { type DeviceLog, readEach } from './each-device.ts';
import { decimal, namesIn, readIfThere } from './source.ts';

export interface MdArray {
  readonly device: string;
  /** `clean`, `active`, `inactive`, `broken` … */
  readonly state: string;
  /** `idle`, `resync`, `recover`, `check`, `repair`, `reshape`, `frozen`; absent where the level has no redundancy. */
  readonly action?: string;
  /** Members it has when it is whole. */
  readonly required?: number;
  /** Of these, those that are missing; absent where the level has no redundancy. */
  readonly degraded?: number;
  /** Part of the action that is done, 0 to 1; absent while there is none. */
  readonly completed?: number;
  /** Sectors that differed in the last check. */
  readonly mismatched_sectors?: number;
  /** Members by state: `in_sync`, `faulty`, `spare` … One with several, such as `faulty,write_error`, has the first. */
  readonly members: ReadonlyMap<string, number>;
}

/** @returns all arrays; none on a host without */
export function readMdArrays(sysfs: string, log: DeviceLog): MdArray[] {
  const root = join(sysfs, 'block');
  const devices = namesIn(root).filter((name) => name.startsWith('md'));
  return readEach(log, devices, (device) => readArray(device, join(root, device, 'md')));
}

function readArray(device: string, directory: string): MdArray | undefined {
  const value = (file: string): string | undefined => readIfThere(join(directory, file))?.trim();
  const state = value('array_state');
  if (state === undefined) return undefined;
  const numbers = {
    required: decimal(value('raid_disks')?.split(' ')[0]),
    degraded: decimal(value('degraded')),
    mismatched_sectors: decimal(value('mismatch_cnt')),
    completed: parseCompleted(value('sync_completed') ?? ''),
  };
  const action = value('sync_action');
  const members = new Map<string, number>();
  for (const name of namesIn(directory)) {
    const [first] = (name.startsWith('dev-') && value(join(name, 'state'))?.split(',')) || [];
    if (first) members.set(first, (members.get(first) ?? 0) + 1);
  }
  const known = Object.entries(numbers).filter(([, number]) => number !== undefined);
  return { device, state, ...(action && { action }), ...Object.fromEntries(known), members };
}

/** `1234 / 5678` in sectors, `none`, or `delayed`. @returns the part that is done */
export function parseCompleted(text: string): number | undefined {
  const [done, all] = text.split(' / ').map(decimal);
  return done === undefined || !all ? undefined : Math.min(1, done / all);
}
