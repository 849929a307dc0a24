/**
 * Frequencies of a CPU, and how often it was slowed down because it was hot, from /sys/devices/system/cpu.
 * Documentation/admin-guide/pm/cpufreq.rst; arch/x86/kernel/cpu/mce/therm_throt.c (Intel, in milliseconds since Linux 5.6).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cpuNumbers } from './cgroup-cpu.ts';
import { decimal, readIfThere } from './source.ts';

/** What the kernel does not say is absent. */
export interface CpuFrequency {
  readonly current_hertz?: number;
  /** Between which the governor may choose now. */
  readonly lowest_hertz?: number;
  readonly highest_hertz?: number;
  /** What the hardware can. */
  readonly hardwareLowest_hertz?: number;
  readonly hardwareHighest_hertz?: number;
}

export interface CpuThrottling {
  readonly packageId: string;
  readonly coreId: string;
  readonly core: Throttled;
  readonly package: Throttled;
}

export interface Throttled {
  readonly times?: number;
  readonly seconds?: number;
}

const FILES: readonly (readonly [keyof CpuFrequency, string])[] = [
  ['current_hertz', 'scaling_cur_freq'],
  ['lowest_hertz', 'scaling_min_freq'],
  ['highest_hertz', 'scaling_max_freq'],
  ['hardwareLowest_hertz', 'cpuinfo_min_freq'],
  ['hardwareHighest_hertz', 'cpuinfo_max_freq'],
];

const HERTZ_PER_KILOHERTZ = 1_000;
const MS_PER_SECOND = 1_000;

const directoryOf = (sysfs: string, cpu: number): string => join(sysfs, `devices/system/cpu/cpu${cpu}`);

/** @returns numbers of the CPUs that are online @throws SOURCE_UNREADABLE */
export function onlineCpus(sysfs: string): number[] {
  const path = join(sysfs, 'devices/system/cpu/online');
  return cpuNumbers(readIfThere(path) ?? '', path);
}

/** @throws SOURCE_UNREADABLE */
export function readCpuFrequency(sysfs: string, cpu: number): CpuFrequency {
  const directory = join(directoryOf(sysfs, cpu), 'cpufreq');
  const frequency: Partial<Record<keyof CpuFrequency, number>> = {};
  // A virtual machine mostly has none.
  for (const [key, file] of existsSync(directory) ? FILES : []) {
    const kilohertz = numberIn(join(directory, file));
    if (kilohertz !== undefined) frequency[key] = kilohertz * HERTZ_PER_KILOHERTZ;
  }
  return frequency;
}

/** @returns undefined where the kernel does not count that @throws SOURCE_UNREADABLE */
export function readCpuThrottling(sysfs: string, cpu: number): CpuThrottling | undefined {
  const directory = directoryOf(sysfs, cpu);
  if (!existsSync(join(directory, 'thermal_throttle'))) return undefined;
  const id = (file: string): string => readIfThere(join(directory, 'topology', file))?.trim() ?? '';
  return {
    packageId: id('physical_package_id'),
    coreId: id('core_id'),
    core: throttled(directory, 'core'),
    package: throttled(directory, 'package'),
  };
}

function throttled(directory: string, what: 'core' | 'package'): Throttled {
  const file = (name: string): number | undefined =>
    numberIn(join(directory, 'thermal_throttle', `${what}_throttle_${name}`));
  const times = file('count');
  const milliseconds = times === undefined ? undefined : file('total_time_ms');
  return {
    ...(times !== undefined && { times }),
    ...(milliseconds !== undefined && { seconds: milliseconds / MS_PER_SECOND }),
  };
}

function numberIn(path: string): number | undefined {
  return decimal(readIfThere(path)?.trim());
}
