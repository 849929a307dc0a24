/** Between two readings: how much of the CPU time that there was has been used, and of the time that was wanted, waited for. */
import type { CgroupCpuUse } from './cgroup-cpu.ts';
import { CPU_MODES, type CpuTicks } from './stat.ts';

/** Percent of the CPU time that could have been used. */
export interface CpuPercent {
  readonly usr: number;
  readonly sys: number;
  readonly total: number;
}

/** Of a host; idle CPUs whose tasks wait for a disk are not used. */
export interface HostPercent extends CpuPercent {
  readonly iowait: number;
}

/** @returns undefined when no time has passed between the two */
export function hostPercent(before: CpuTicks, after: CpuTicks): HostPercent | undefined {
  // Single counters step back when a CPU goes offline, and iowait does on tickless kernels.
  const passed = (mode: keyof CpuTicks): number => Math.max(0, after[mode] - before[mode]);
  const all = CPU_MODES.reduce((sum, mode) => sum + passed(mode), 0);
  if (all === 0) return undefined;
  const usr = (100 * (passed('user') + passed('nice'))) / all;
  const sys = (100 * (passed('system') + passed('irq') + passed('softirq'))) / all;
  return { usr, sys, total: usr + sys, iowait: (100 * passed('iowait')) / all };
}

/**
 * With cgroup v1 the kernel counts user and system time in ticks, which may be more than all that was used to the nanosecond: then
 * they are its parts, as cputime_adjust() in kernel/sched/cputime.c does with those of a task.
 * @param available_ns CPU time the container could have used; more than 0
 */
export function containerPercent(
  before: CgroupCpuUse,
  after: CgroupCpuUse,
  available_ns: number,
): CpuPercent {
  const percent = (key: keyof CgroupCpuUse): number =>
    (100 * Math.max(0, after[key] - before[key])) / available_ns;
  const [usr, sys, total] = [percent('user_ns'), percent('system_ns'), percent('total_ns')];
  const share = usr + sys > total ? total / (usr + sys) : 1;
  return { usr: usr * share, sys: sys * share, total };
}

/** What a container has waited for CPUs, and what that is a part of. */
export interface CpuWait {
  readonly wait_ns: number;
  /** With the wait, all the time it wanted to run; absent where the wait is a part of the time that passes. */
  readonly run_ns?: number | undefined;
}

/**
 * @param passed_ns between the two
 * @returns undefined when a counter has stepped back, no time has passed, or the two are of different kinds
 */
export function waitPercent(before: CpuWait, after: CpuWait, passed_ns: number): number | undefined {
  if ((before.run_ns === undefined) !== (after.run_ns === undefined)) return undefined;
  const waited_ns = after.wait_ns - before.wait_ns;
  const ran_ns = (after.run_ns ?? 0) - (before.run_ns ?? 0);
  if (waited_ns < 0 || ran_ns < 0 || passed_ns <= 0) return undefined;
  if (after.run_ns === undefined) return Math.min(100, (100 * waited_ns) / passed_ns);
  return waited_ns === 0 ? 0 : (100 * waited_ns) / (waited_ns + ran_ns);
}
