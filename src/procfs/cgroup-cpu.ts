/**
 * CPU use and CPU limits of one cgroup.
 *
 *                v1 (cpu, cpuacct, cpuset hierarchies)       v2 (one hierarchy)
 *   use          cpuacct.usage ns, cpuacct.stat ticks        cpu.stat µs
 *   quota        cpu.cfs_quota_us / cpu.cfs_period_us        cpu.max "quota period"
 *   cpuset       cpuset.effective_cpus                       cpuset.cpus.effective
 *
 * Formats: Documentation/admin-guide/cgroup-v1/cpuacct.rst and cpusets.rst, cgroup-v2.rst, scheduler/sched-bwc.rst.
 */
import { dirname, join } from 'node:path';
import { atAndAbove } from './cgroup-ancestors.ts';
import { decimal, malformed, readIfThere, readSource } from './source.ts';
import { TICKS_PER_SECOND } from './stat.ts';

/** Directories by controller, as in `Container.cgroups`. */
export type CgroupPaths = Readonly<Record<string, string>>;

/** CPU time since the cgroup was made. */
export interface CgroupCpuUse {
  readonly total_ns: number;
  readonly user_ns: number;
  readonly system_ns: number;
}

const NS_PER_TICK = 1e9 / TICKS_PER_SECOND;
const NS_PER_US = 1_000;

/**
 * v1 where it accounts CPU (also on hybrid hosts), else v2.
 * @returns undefined when no hierarchy accounts CPU for this cgroup
 * @throws SOURCE_UNREADABLE; `isGone` tells whether the cgroup was removed
 */
export function readCgroupCpuUse(cgroups: CgroupPaths): CgroupCpuUse | undefined {
  if (cgroups.cpuacct !== undefined) {
    const stat = join(cgroups.cpuacct, 'cpuacct.stat');
    const usage = join(cgroups.cpuacct, 'cpuacct.usage');
    return parseV1Use(readSource(stat), readSource(usage), stat);
  }
  if (cgroups.unified === undefined) return undefined;
  const stat = join(cgroups.unified, 'cpu.stat');
  return parseV2Use(readSource(stat), stat);
}

/** @throws SOURCE_UNREADABLE when a value is missing */
export function parseV1Use(stat: string, usage: string, path = 'cpuacct.stat'): CgroupCpuUse {
  const total_ns = decimal(usage.trim());
  if (total_ns === undefined) throw malformed(path.replace(/stat$/, 'usage'), 1, 'nanoseconds', usage);
  const value = keyed(stat, path);
  return { total_ns, user_ns: value('user') * NS_PER_TICK, system_ns: value('system') * NS_PER_TICK };
}

/** @throws SOURCE_UNREADABLE when a value is missing */
export function parseV2Use(stat: string, path = 'cpu.stat'): CgroupCpuUse {
  const value = keyed(stat, path);
  return {
    total_ns: value('usage_usec') * NS_PER_US,
    user_ns: value('user_usec') * NS_PER_US,
    system_ns: value('system_usec') * NS_PER_US,
  };
}

/**
 * How many CPUs' worth of time the cgroup may use: the least of its quota and of those above it, of its cpuset and of the
 * host's CPUs.
 * @param online CPUs of the host that are online
 * @throws SOURCE_UNREADABLE
 */
export function readCgroupCores(cgroups: CgroupPaths, online: number): number {
  const cpuset = readFirst(cgroups, [
    ['cpuset', 'cpuset.effective_cpus'],
    ['cpuset', 'cpuset.cpus'],
    ['unified', 'cpuset.cpus.effective'],
  ]);
  // An empty cpuset.cpus of v1 admits no task; then the parent's counts, which is not known here.
  const cpus = cpuset === undefined ? 0 : countCpuList(cpuset.text, cpuset.path);
  return Math.min(readQuota(cgroups), cpus || Infinity, online);
}

/** @returns how many CPUs a list such as `0-3,8,10-11` names; 0 for an empty one */
export function countCpuList(text: string, path = 'cpuset.cpus'): number {
  return cpuRanges(text, path).reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

export interface CpuRange {
  readonly first: number;
  readonly last: number;
}

/** @returns the ranges of such a list, a single CPU as one of its own */
export function cpuRanges(text: string, path = 'cpuset.cpus'): CpuRange[] {
  const list = text.trim();
  if (list === '') return [];
  return list.split(',').map((range) => {
    const [first, last = first] = range.split('-').map((end) => decimal(end));
    if (first === undefined || last === undefined || last < first)
      throw malformed(path, 1, 'a list of CPUs', text);
    return { first, last };
  });
}

/** @returns each CPU of such a list */
export function cpuNumbers(text: string, path: string): number[] {
  return cpuRanges(text, path).flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
}

/** @returns quota divided by period of `cpu.max`, Infinity for `max` */
export function parseCpuMax(text: string, path = 'cpu.max'): number {
  const [quota, period] = text.trim().split(' ');
  return ratio(quota === 'max' ? '-1' : quota, period, path, text);
}

function readQuota(cgroups: CgroupPaths): number {
  const { cpu, unified } = cgroups;
  // A kernel without CONFIG_CFS_BANDWIDTH has none of the files.
  if (cpu !== undefined) return least([...atAndAbove(cpu, 'cpu.cfs_quota_us')].map(v1Quota));
  if (unified === undefined) return Infinity;
  return least([...atAndAbove(unified, 'cpu.max')].map(({ path, text }) => parseCpuMax(text, path)));
}

function v1Quota({ path, text }: { readonly path: string; readonly text: string }): number {
  const period = readSource(join(dirname(path), 'cpu.cfs_period_us'));
  return ratio(text.trim(), period.trim(), path, text);
}

function least(quotas: readonly number[]): number {
  return Math.min(...quotas, Infinity);
}

function ratio(quota: string | undefined, period: string | undefined, path: string, text: string): number {
  if (quota === '-1') return Infinity;
  const [quota_us, period_us] = [decimal(quota), decimal(period)];
  if (!quota_us || !period_us) throw malformed(path, 1, 'quota and period in microseconds', text);
  return quota_us / period_us;
}

function readFirst(
  cgroups: CgroupPaths,
  files: readonly (readonly [controller: string, file: string])[],
): { readonly path: string; readonly text: string } | undefined {
  for (const [controller, file] of files) {
    const directory = cgroups[controller];
    if (directory === undefined) continue;
    const path = join(directory, file);
    const text = readIfThere(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

/** Reads lines `key value`; keys of later kernels are ignored. */
function keyed(text: string, path: string): (key: string) => number {
  const values = new Map(text.split('\n').map((line) => line.trim().split(' ') as [string, string]));
  return (key) => {
    const value = decimal(values.get(key));
    if (value === undefined) throw malformed(path, 1, `a line "${key} <number>"`, text);
    return value;
  };
}
