/** CPU times and what the kernel has done since boot, from /proc/stat; format: proc_stat(5), fs/proc/stat.c. */
import { join } from 'node:path';
import { decimal, malformed, readSource } from './source.ts';

/** /proc/stat and cpuacct.stat count in USER_HZ, which is 100 on every architecture Node runs on. */
export const TICKS_PER_SECOND = 100;

export const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;
/** Time of virtual machines, which `user` and `nice` include. */
export const GUEST_MODES = ['guest', 'guest_nice'] as const;
const FIELDS = [...CPU_MODES, ...GUEST_MODES];

/** Ticks since boot. */
export type CpuTicks = Readonly<Record<(typeof FIELDS)[number], number>>;

export interface CpuStat {
  /** Sum over all CPUs. */
  readonly total: CpuTicks;
  /** Online CPUs by number; an offline CPU has no line. */
  readonly cpus: ReadonlyMap<number, CpuTicks>;
}

/** What the kernel does not say is absent. */
export interface KernelActivity {
  readonly contextSwitches?: number;
  /** Processes and threads that were made. */
  readonly forks?: number;
  /** Seconds since the epoch. */
  readonly booted_seconds?: number;
  readonly runnable?: number;
  /** Waiting for I/O to complete. */
  readonly blocked?: number;
}

const ACTIVITY = {
  contextSwitches: 'ctxt',
  forks: 'processes',
  booted_seconds: 'btime',
  runnable: 'procs_running',
  blocked: 'procs_blocked',
} as const satisfies Record<keyof KernelActivity, string>;

/** @throws SOURCE_UNREADABLE */
export function readCpuStat(procfs: string): CpuStat {
  const path = join(procfs, 'stat');
  return parseCpuStat(readSource(path), path);
}

/** @throws SOURCE_UNREADABLE */
export function readKernelActivity(procfs: string): KernelActivity {
  return parseKernelActivity(readSource(join(procfs, 'stat')));
}

/**
 * Takes the lines `cpu` and `cpuN`, which the kernel prints first; fields added by later kernels are ignored. The line `intr`
 * may have thousands of numbers and is not looked at.
 * @throws SOURCE_UNREADABLE naming the line, or when there is no `cpu` line
 */
export function parseCpuStat(text: string, path = 'stat'): CpuStat {
  let total: CpuTicks | undefined;
  const cpus = new Map<number, CpuTicks>();
  for (let at = 0, number = 1; text.startsWith('cpu', at); number++) {
    const found = text.indexOf('\n', at);
    const end = found === -1 ? text.length : found;
    const words = text.slice(at + 'cpu'.length, end).split(' ');
    at = end + 1;
    const cpu = words[0] === '' ? undefined : decimal(words[0]);
    if (cpu === undefined && words[0] !== '') continue;
    const ticks = parseTicks(words.slice(1).filter((word) => word !== ''));
    if (!ticks) throw malformed(path, number, `${FIELDS.length} counters`, `cpu${words.join(' ')}`);
    if (cpu === undefined) total = ticks;
    else cpus.set(cpu, ticks);
  }
  if (!total) throw malformed(path, 1, 'a line "cpu"', text);
  return { total, cpus };
}

/** Lines of later kernels, and values that are no numbers, are ignored. */
export function parseKernelActivity(text: string): KernelActivity {
  const values = Object.entries(ACTIVITY).map(([name, key]) => [name, numberBehind(text, key)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function numberBehind(text: string, key: string): number | undefined {
  const at = text.indexOf(`\n${key} `);
  if (at === -1) return undefined;
  const start = at + key.length + 2;
  const end = text.indexOf('\n', start);
  return decimal(text.slice(start, end === -1 ? undefined : end));
}

function parseTicks(words: readonly string[]): CpuTicks | undefined {
  const ticks: Partial<Record<(typeof FIELDS)[number], number>> = {};
  for (const [index, mode] of FIELDS.entries()) {
    const value = decimal(words[index]);
    if (value === undefined) return undefined;
    ticks[mode] = value;
  }
  return ticks as CpuTicks;
}
