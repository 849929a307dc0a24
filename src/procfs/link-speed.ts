/** /sys/class/net/<device>/speed, in megabits per second: speed_show() in net/core/net-sysfs.c, which asks the driver. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const BYTES_PER_MEGABIT = 1e6 / 8;

/** @returns bytes per second; undefined for a device that is gone, has no speed (loopback, bridges) or does not know it (-1) */
export function linkSpeed(sysfs: string, device: string): number | undefined {
  try {
    const megabits = Number(readFileSync(join(sysfs, 'class/net', device, 'speed'), 'latin1'));
    return megabits > 0 ? megabits * BYTES_PER_MEGABIT : undefined;
  } catch {
    return undefined;
  }
}
