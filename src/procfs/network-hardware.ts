/** Network devices that are hardware, or what a hypervisor shows as such: those with a parent device that has a driver. */
import { readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface HardwareDevice {
  readonly device: string;
  /** Of the parent device, such as `mlx5_core`. */
  readonly driver: string;
}

/** Each may cost a question to its driver. */
const MAX_DEVICES = 64;

/** Devices of /sys/class/net, by name. @returns none where sysfs cannot be read */
export function hardwareDevices(sysfs: string, isWanted: (device: string) => boolean): HardwareDevice[] {
  const directory = join(sysfs, 'class/net');
  return list(directory)
    .filter(isWanted)
    .flatMap((device) => {
      const driver = driverOf(join(directory, device));
      return driver === undefined ? [] : { device, driver };
    })
    .slice(0, MAX_DEVICES);
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function driverOf(directory: string): string | undefined {
  try {
    return basename(readlinkSync(join(directory, 'device/driver')));
  } catch {
    return undefined;
  }
}
