/** How much of the CPU time that there was has been used between two readings. */
import type { CgroupCpuUse } from './cgroup-cpu.ts';
import { CPU_MODES, type CpuTicks } from './stat.ts';

/** Percent of the CPU time that could have been used. */
export interface CpuPercent {
  readonly usr: number;
  readonly sys: number;
  readonly total: number;
}

/** @returns undefined when no time has passed between the two */
export function hostPercent(before: CpuTicks, after: CpuTicks): CpuPercent | undefined {
  // Single counters step back when a CPU goes offline, and iowait does on tickless kernels.
  const passed = (mode: keyof CpuTicks): number => Math.max(0, after[mode] - before[mode]);
  const all = CPU_MODES.reduce((sum, mode) => sum + passed(mode), 0);
  if (all === 0) return undefined;
  const usr = (100 * (passed('user') + passed('nice'))) / all;
  const sys = (100 * (passed('system') + passed('irq') + passed('softirq'))) / all;
  return { usr, sys, total: usr + sys };
}

/** @param available_ns CPU time the container could have used; more than 0 */
export function containerPercent(
  before: CgroupCpuUse,
  after: CgroupCpuUse,
  available_ns: number,
): CpuPercent {
  const percent = (key: keyof CgroupCpuUse): number =>
    (100 * Math.max(0, after[key] - before[key])) / available_ns;
  return { usr: percent('user_ns'), sys: percent('system_ns'), total: percent('total_ns') };
}
