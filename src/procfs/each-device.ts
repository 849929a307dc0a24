/** Devices read one by one. */
import type { Log } from '../sdk/context.ts';

/** Where what could not be read is told. */
export type DeviceLog = Pick<Log, 'warn'>;

/**
 * Runs `read` for each device. One that cannot be read is logged and left out, so that it does not cost the others their samples.
 * @param read gives undefined for what it has nothing to say of
 */
export function readEach<Found>(
  log: DeviceLog,
  devices: readonly string[],
  read: (device: string) => Found | undefined,
): Found[] {
  return devices.flatMap((device) => {
    try {
      const found = read(device);
      return found === undefined ? [] : [found];
    } catch (error) {
      log.warn('a device cannot be read', { device, error });
      return [];
    }
  });
}
