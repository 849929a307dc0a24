/** What a configuration asks of a host that this one does not have. The file may be for another host, so none of it is an error. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuRanges } from '../procfs/cgroup-cpu.ts';
import { addressSpaceLimit } from '../procfs/own-limits.ts';
import type { EffectiveConfig } from './effective.ts';

/**
 * @param addressSpace_bytes RLIMIT_AS of this process
 * @returns one sentence for each
 */
export function hostWarnings(
  config: EffectiveConfig,
  addressSpace_bytes: number | undefined = addressSpaceLimit(),
): string[] {
  return [...addressSpaceWarnings(addressSpace_bytes), ...cpuWarnings(config)];
}

function addressSpaceWarnings(bytes: number | undefined): string[] {
  if (bytes === undefined) return [];
  // It aborts in C++ while it makes a thread's heap: no code of ours runs then that could say so.
  return [
    `address space is limited to ${bytes} bytes (ulimit -v, LimitAS=), and V8 ends the process when a thread finds none; ` +
      'remove that limit, and bound memory by supervisor.memory_limit or MemoryMax=',
  ];
}

/** None where the CPUs of the host cannot be read. */
function cpuWarnings({ collectors, path }: EffectiveConfig): string[] {
  const online = readOnline(path.sysfs);
  if (online === undefined) return [];
  const cpus = cpuRanges(online);
  const count = cpus.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const isOnline = (cpu: number): boolean => cpus.some(({ first, last }) => first <= cpu && cpu <= last);
  return Object.entries(collectors).flatMap(([name, { enabled, cpu }]) => {
    if (!enabled) return [];
    const missing = cpu.affinity.filter((one) => !isOnline(one));
    const { quota_cores = 0 } = cpu;
    return [
      ...(missing.length > 0
        ? [`collectors.${name}.cpu.affinity names CPU ${missing.join(', ')}; this host has ${online}`]
        : []),
      ...(quota_cores > count
        ? [`collectors.${name}.cpu.quota is ${quota_cores} CPUs; this host has ${count}`]
        : []),
    ];
  });
}

function readOnline(sysfs: string): string | undefined {
  try {
    return readFileSync(join(sysfs, 'devices/system/cpu/online'), 'utf8').trim();
  } catch {
    return undefined;
  }
}
