/** Network devices that are hardware, or what a hypervisor shows as such: those with a parent device that has a driver. */
import { readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DeviceLog } from './each-device.ts';
import { namesIn } from './source.ts';

export interface HardwareDevice {
  readonly device: string;
  /** Of the parent device, such as `mlx5_core`. */
  readonly driver: string;
}

/** Each may cost a question to its driver. */
const MAX_DEVICES = 256;

/**
 * Devices of /sys/class/net, by name.
 * @param log is told how many there are beyond the first 256
 * @throws SOURCE_UNREADABLE
 */
export function hardwareDevices(
  sysfs: string,
  isWanted: (device: string) => boolean,
  log: DeviceLog,
): HardwareDevice[] {
  const directory = join(sysfs, 'class/net');
  const devices = namesIn(directory)
    .filter(isWanted)
    .flatMap((device) => {
      const driver = driverOf(join(directory, device));
      return driver === undefined ? [] : { device, driver };
    });
  const left_out = devices.length - MAX_DEVICES;
  if (left_out > 0) log.warn('there are more network cards than are asked', { left_out });
  return devices.slice(0, MAX_DEVICES);
}

function driverOf(directory: string): string | undefined {
  try {
    return basename(readlinkSync(join(directory, 'device/driver')));
  } catch {
    return undefined;
  }
}
