/** CPU times from /proc/stat; format: proc_stat(5), fs/proc/stat.c. */
import { join } from 'node:path';
import { decimal, malformed, readSource } from './source.ts';

/** /proc/stat and cpuacct.stat count in USER_HZ, which is 100 on every architecture Node runs on. */
export const TICKS_PER_SECOND = 100;

export const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;
export type CpuMode = (typeof CPU_MODES)[number];

/** Ticks since boot. The guest fields are left out: `user` and `nice` include them. */
export type CpuTicks = Readonly<Record<CpuMode, number>>;

export interface CpuStat {
  /** Sum over all CPUs. */
  readonly total: CpuTicks;
  /** Online CPUs by number; an offline CPU has no line. */
  readonly cpus: ReadonlyMap<number, CpuTicks>;
}

/** @throws SOURCE_UNREADABLE */
export function readCpuStat(procfs: string): CpuStat {
  const path = join(procfs, 'stat');
  return parseCpuStat(readSource(path), path);
}

/**
 * Takes the lines `cpu` and `cpuN`; fields added by later kernels and all other lines are ignored.
 * @throws SOURCE_UNREADABLE naming the line, or when there is no `cpu` line
 */
export function parseCpuStat(text: string, path = 'stat'): CpuStat {
  let total: CpuTicks | undefined;
  const cpus = new Map<number, CpuTicks>();
  for (const [index, line] of text.split('\n').entries()) {
    const found = /^cpu(\d{0,6})\s+(.*)$/.exec(line);
    if (!found) continue;
    const ticks = parseTicks(found[2] ?? '');
    if (!ticks) throw malformed(path, index + 1, 'at least eight counters', line);
    if (found[1] === '') total = ticks;
    else cpus.set(Number(found[1]), ticks);
  }
  if (!total) throw malformed(path, 1, 'a line "cpu"', text);
  return { total, cpus };
}

function parseTicks(fields: string): CpuTicks | undefined {
  const words = fields.trim().split(/\s+/);
  const values = CPU_MODES.map((_, index) => decimal(words[index]));
  if (values.includes(undefined)) return undefined;
  return Object.fromEntries(CPU_MODES.map((mode, index) => [mode, values[index]])) as Record<CpuMode, number>;
}
