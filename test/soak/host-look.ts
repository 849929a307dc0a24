/** What the host does by its own files, beside what an agent says of it: tells a trace of real work from a false one. */
import { readdirSync, readFileSync } from 'node:fs';
import { type HostPercent, hostPercent } from '../../src/procfs/cpu-percent.ts';
import { parseDiskstats } from '../../src/procfs/diskstats.ts';
import { type CpuTicks, readCpuStat, TICKS_PER_SECOND } from '../../src/procfs/stat.ts';

const MOST = 3;
/** Growth below it is not told. */
const LEAST_GROWTH_BYTES = 32e6;
const PAGE_BYTES = 4096;

interface ProcessLook {
  readonly name: string;
  readonly isWaiting: boolean;
  readonly ticks: number;
  readonly resident_bytes: number;
}

/** At one moment. */
export interface HostLook {
  readonly at_ms: number;
  readonly cpu: CpuTicks;
  /** Seconds in which each disk had a request, since boot. */
  readonly disks: ReadonlyMap<string, number>;
  /** By id and start. */
  readonly processes: ReadonlyMap<string, ProcessLook>;
}

export function lookAtHost(): HostLook {
  const disks = parseDiskstats(readFileSync('/proc/diskstats', 'utf8'));
  return {
    at_ms: performance.now(),
    cpu: readCpuStat('/proc').total,
    disks: new Map(disks.map(({ device, busy_seconds }) => [device, busy_seconds])),
    processes: new Map(
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .flatMap(lookAtProcess),
    ),
  };
}

export function hostUse(before: HostLook, after: HostLook): HostPercent | undefined {
  return hostPercent(before.cpu, after.cpu);
}

/** What ran, grew and waited between two looks, in words. */
export function hostMeanwhile(before: HostLook, after: HostLook): string {
  const seconds = (after.at_ms - before.at_ms) / 1000;
  const cpu = hostUse(before, after);
  const since = [...after.processes].map(([key, { name, ticks, resident_bytes, isWaiting }]) => {
    const old = before.processes.get(key);
    return {
      ...{ name, isWaiting },
      percent: (100 * (ticks - (old?.ticks ?? 0))) / TICKS_PER_SECOND / seconds,
      growth_bytes: resident_bytes - (old?.resident_bytes ?? 0),
    };
  });
  const busiest = since
    .toSorted((a, b) => b.percent - a.percent)
    .slice(0, MOST)
    .map(({ name, percent }) => `${name} ${percent.toFixed(0)} %`);
  const grown = since
    .filter(({ growth_bytes }) => growth_bytes > LEAST_GROWTH_BYTES)
    .toSorted((a, b) => b.growth_bytes - a.growth_bytes)
    .slice(0, MOST)
    .map(({ name, growth_bytes }) => `${name} +${(growth_bytes / 1e6).toFixed(0)} MB`);
  const waiting = since.filter(({ isWaiting }) => isWaiting).map(({ name }) => name);
  const disks = [...after.disks]
    .map(([disk, busy]) => ({ disk, percent: (100 * (busy - (before.disks.get(disk) ?? busy))) / seconds }))
    .toSorted((a, b) => b.percent - a.percent)
    .slice(0, 1)
    .map(({ disk, percent }) => `${disk} busy ${percent.toFixed(0)} %`);
  return [
    `in ${seconds.toFixed(0)} s CPU ${cpu?.total.toFixed(0)} % (system ${cpu?.sys.toFixed(0)} %): ${busiest.join(', ')}`,
    ...(grown.length > 0 ? [`grown: ${grown.join(', ')}`] : []),
    ...(waiting.length > 0
      ? [`uninterruptible: ${waiting.length} (${waiting.slice(0, MOST).join(', ')})`]
      : []),
    ...disks,
  ].join('; ');
}

/** Of proc_pid_stat(5); what has ended meanwhile is left out. */
function lookAtProcess(pid: string): (readonly [string, ProcessLook])[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = stat.lastIndexOf(') ');
    const fields = stat.slice(end + 2).split(' ');
    const look = {
      name: `${stat.slice(stat.indexOf('(') + 1, end)} (${pid})`,
      isWaiting: fields[0] === 'D',
      ticks: Number(fields[11]) + Number(fields[12]),
      resident_bytes: Number(fields[21]) * PAGE_BYTES,
    };
    return [[`${pid} ${fields[19]}`, look]];
  } catch {
    return [];
  }
}
