/**
 * Sensors of the hardware: /sys/class/hwmon (Documentation/hwmon/sysfs-interface.rst) and, what firmware or the processor reports,
 * /sys/class/thermal (Documentation/ABI/testing/sysfs-class-thermal).
 */
import { readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type DeviceLog, readEach } from './each-device.ts';
import { namesIn, readSource } from './source.ts';

const MILLI = 1_000;
/** A board has tens of them. */
const MAX_SENSORS = 512;
const INPUT = /^(temp|fan)(\d+)_input$/;

export interface Sensor {
  /** `coretemp`, `nvme`: the driver's name. Two of one driver differ in `device`. */
  readonly chip: string;
  /** What it is a part of, such as `0000:01:00.0`; `hwmon3` where sysfs does not say. */
  readonly device: string;
  readonly kind: 'temp' | 'fan';
  /** The driver's label, such as `Package id 0`, else `temp1`. */
  readonly sensor: string;
  /** Degrees Celsius, or revolutions in a minute. */
  readonly value: number;
  /** Of a temperature that must not be reached, where the driver knows one. */
  readonly critical?: number;
}

export interface ThermalZone {
  /** `thermal_zone0` */
  readonly zone: string;
  /** `x86_pkg_temp`, `acpitz` */
  readonly type: string;
  readonly celsius: number;
}

/** @returns none on a machine without, as most virtual ones; a sensor that does not answer is left out */
export function readSensors(sysfs: string, log: DeviceLog): Sensor[] {
  const root = join(sysfs, 'class/hwmon');
  const chips = readEach(log, namesIn(root), (name) => {
    const directory = join(root, name);
    const chip = textIn(directory, 'name') ?? name;
    const inputs = namesIn(directory).filter((file) => INPUT.test(file));
    return inputs.flatMap((file) => sensorOf(directory, file, { chip, device: deviceOf(directory, name) }));
  });
  return chips.flat().slice(0, MAX_SENSORS);
}

/** @returns none on a machine without; a zone that does not answer is left out */
export function readThermalZones(sysfs: string, log: DeviceLog): ThermalZone[] {
  const root = join(sysfs, 'class/thermal');
  const zones = namesIn(root).filter((name) => name.startsWith('thermal_zone'));
  return readEach(log, zones.slice(0, MAX_SENSORS), (zone) => {
    const celsius = thousandthsIn(join(root, zone), 'temp');
    const type = textIn(join(root, zone), 'type') ?? '';
    return celsius === undefined ? undefined : { zone, type, celsius };
  });
}

function sensorOf(directory: string, file: string, of: Pick<Sensor, 'chip' | 'device'>): Sensor[] {
  const [, kind, number] = INPUT.exec(file) as unknown as [string, Sensor['kind'], string];
  const sensor = textIn(directory, `${kind}${number}_label`) ?? `${kind}${number}`;
  const thousandths = thousandthsIn(directory, file);
  if (thousandths === undefined) return [];
  if (kind === 'fan') return [{ ...of, kind, sensor, value: thousandths * MILLI }];
  const critical = thousandthsIn(directory, `${kind}${number}_crit`);
  return [{ ...of, kind, sensor, value: thousandths, ...(critical !== undefined && { critical }) }];
}

function deviceOf(directory: string, name: string): string {
  try {
    return basename(readlinkSync(join(directory, 'device')));
  } catch {
    return name;
  }
}

/** Drivers answer with an error while a device sleeps or a sensor is not there: ENODATA, EIO, EAGAIN, ENXIO. */
function textIn(directory: string, file: string): string | undefined {
  try {
    return readSource(join(directory, file)).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** @returns undefined for what is no whole number; a temperature may be below zero */
function thousandthsIn(directory: string, file: string): number | undefined {
  const text = textIn(directory, file);
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) / MILLI : undefined;
}
