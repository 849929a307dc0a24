/**
 * What the CPU quota of one cgroup has cost it.
 *
 *                  v1 cpu.stat (cpu)          v2 cpu.stat
 *   periods        nr_periods                 nr_periods
 *   throttled      nr_throttled               nr_throttled
 *                  throttled_time ns          throttled_usec
 *   bursts         nr_bursts                  nr_bursts            Linux 5.14
 *                  burst_time ns              burst_usec
 *   run queue      wait_sum ns                -                    while kernel.sched_schedstats is 1
 *
 * Formats: cpu_cfs_stat_show() and cpu_extra_stat_show() in kernel/sched/core.c, Documentation/scheduler/sched-bwc.rst.
 */
import { join } from 'node:path';
import { parseFlatKeyed } from './memory-cgroup.ts';
import { readIfThere } from './source.ts';

/** Since the cgroup was made. What the kernel does not say is absent. */
export interface CgroupBandwidth {
  /** Enforcement periods in which a task of it was runnable. */
  readonly periods?: number;
  readonly throttledPeriods?: number;
  /** Summed over its CPUs. */
  readonly throttled_ns?: number;
  /** Periods in which it has used more than its quota, within what it had saved up. */
  readonly bursts?: number;
  readonly burst_ns?: number;
  /** Time the cgroup was runnable on a CPU and another one had that CPU. */
  readonly wait_ns?: number;
}

const NS_PER_US = 1_000;

/**
 * v1 where it has the cpu controller, else v2.
 * @param cgroups directories by controller, `unified` for v2
 * @returns undefined when neither has the file
 * @throws SOURCE_UNREADABLE
 */
export function readCgroupBandwidth(cgroups: Readonly<Record<string, string>>): CgroupBandwidth | undefined {
  const directory = cgroups.cpu ?? cgroups.unified;
  const text = directory && readIfThere(join(directory, 'cpu.stat'));
  return text === undefined ? undefined : parseCgroupBandwidth(text);
}

/** Keys of either version; those of later kernels are ignored. */
export function parseCgroupBandwidth(text: string): CgroupBandwidth {
  const rows = parseFlatKeyed(text);
  const nanoseconds = (ns: string, us: string): number | undefined =>
    rows[ns] ?? (rows[us] === undefined ? undefined : rows[us] * NS_PER_US);
  const values: Record<keyof CgroupBandwidth, number | undefined> = {
    periods: rows.nr_periods,
    throttledPeriods: rows.nr_throttled,
    throttled_ns: nanoseconds('throttled_time', 'throttled_usec'),
    bursts: rows.nr_bursts,
    burst_ns: nanoseconds('burst_time', 'burst_usec'),
    wait_ns: rows.wait_sum,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
