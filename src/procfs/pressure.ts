/**
 * Pressure stall information, of the host (/proc/pressure/…) and of cgroups (v2, also beside v1):
 *
 *   some avg10=1.58 avg60=8.73 avg300=15.66 total=9481046633
 *   full avg10=0.00 avg60=0.00 avg300=0.00 total=0
 *
 * Format: psi_show() in kernel/sched/psi.c, Documentation/accounting/psi.rst. Linux 4.20, irq 6.1.
 */
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import { malformed, readIfThere } from './source.ts';

export const RESOURCES = ['cpu', 'memory', 'io', 'irq'] as const;
export type Resource = (typeof RESOURCES)[number];

/** some: at least one task waited; full: all that could have run did. */
export const STALLS = ['some', 'full'] as const;
export type Stall = (typeof STALLS)[number];

/** Seconds of the kernel's running averages. */
export const WINDOWS = ['10', '60', '300'] as const;
export type WindowSeconds = (typeof WINDOWS)[number];

export interface StallTimes {
  readonly total_us: number;
  /** Share of the time, 0 to 1. */
  readonly ratio: Readonly<Record<WindowSeconds, number>>;
}

/** Of one resource. `irq` has no `some`, and `cpu` no `full` before Linux 5.13. */
export type Pressure = Partial<Readonly<Record<Stall, StallTimes>>>;

/**
 * @returns undefined where the kernel has no such file, or was started with psi=0
 * @throws SOURCE_UNREADABLE
 */
export function readHostPressure(procfs: string, resource: Resource): Pressure | undefined {
  const pressure = read(join(procfs, 'pressure', resource));
  if (!pressure || resource !== 'cpu') return pressure;
  // Some CPU always runs something: the kernel prints zeroes that mean nothing (psi_show()).
  return pressure.some && { some: pressure.some };
}

/**
 * @param directory of the cgroup in the hierarchy of v2
 * @returns undefined where the kernel has no such file, or it was turned off (cgroup.pressure)
 * @throws SOURCE_UNREADABLE
 */
export function readCgroupPressure(directory: string, resource: Resource): Pressure | undefined {
  return read(join(directory, `${resource}.pressure`));
}

function read(path: string): Pressure | undefined {
  try {
    const text = readIfThere(path);
    return text === undefined ? undefined : parsePressure(text, path);
  } catch (error) {
    if (error instanceof HuatuoError && isTurnedOff(error.cause)) return undefined;
    throw error;
  }
}

/** With psi=0 the files are there and cannot be opened. */
function isTurnedOff(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code === 'EOPNOTSUPP' || code === 'ENOTSUP';
}

const PERCENT = String.raw`(\d{1,3})\.(\d\d)`;
const LINE = new RegExp(
  `^(some|full) avg10=${PERCENT} avg60=${PERCENT} avg300=${PERCENT}(?: .*)? total=(\\d{1,20})(?: |$)`,
);

/** Lines and values of later kernels are ignored. @throws SOURCE_UNREADABLE naming the line */
export function parsePressure(text: string, path = 'pressure'): Pressure {
  const pressure: Partial<Record<Stall, StallTimes>> = {};
  for (const [index, line] of text.split('\n').entries()) {
    if (!line.startsWith('some ') && !line.startsWith('full ')) continue;
    const found = LINE.exec(line);
    if (!found) throw malformed(path, index + 1, 'averages and a total', line);
    const ratio = (group: number): number => Number(`${found[group]}${found[group + 1]}`) / 10_000;
    pressure[found[1] as Stall] = {
      ratio: { 10: ratio(2), 60: ratio(4), 300: ratio(6) },
      total_us: Number(found[8]),
    };
  }
  return pressure;
}
