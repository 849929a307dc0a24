/**
 * Interrupts by source and by CPU:
 *
 *              CPU0       CPU1
 *     36:     585085    5586856 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
 *    LOC:    8182585    7902529   Local timer interrupts
 *    ERR:          0
 *
 * /proc/softirqs has the same columns and no text behind them. Formats: show_interrupts() in kernel/irq/proc.c,
 * arch_show_interrupts() of each architecture, fs/proc/softirqs.c.
 */
import { join } from 'node:path';
import { malformed, readIfThere } from './source.ts';

export interface Interrupts {
  /** By number: all that was counted there. */
  readonly cpus: ReadonlyMap<number, number>;
  readonly sources: readonly InterruptSource[];
}

export interface InterruptSource {
  /** A number, or what the architecture calls it. */
  readonly irq: string;
  /** Its devices, or what it is for; empty when the kernel does not say. */
  readonly name: string;
  /** Over all CPUs. */
  readonly count: number;
}

/** By vector, for each CPU that has a column. */
export interface Softirqs {
  readonly cpus: readonly number[];
  readonly vectors: ReadonlyMap<string, readonly number[]>;
}

/** @returns undefined where the kernel has no such file @throws SOURCE_UNREADABLE */
export function readInterrupts(procfs: string): Interrupts | undefined {
  const path = join(procfs, 'interrupts');
  const text = readIfThere(path);
  return text === undefined ? undefined : parseInterrupts(text, path);
}

/** @returns undefined where the kernel has no such file @throws SOURCE_UNREADABLE */
export function readSoftirqs(procfs: string): Softirqs | undefined {
  const path = join(procfs, 'softirqs');
  const text = readIfThere(path);
  return text === undefined ? undefined : parseSoftirqs(text, path);
}

/** Lines without numbers are ignored. @throws SOURCE_UNREADABLE when the first line names no CPUs */
export function parseInterrupts(text: string, path = 'interrupts'): Interrupts {
  const { cpus, rows } = table(text, path);
  const perCpu = cpus.map(() => 0);
  const sources: InterruptSource[] = [];
  for (const { label, counts, rest } of rows) {
    let count = 0;
    for (const [column, value] of counts.entries()) {
      count += value;
      // One number is a count of the host's.
      if (counts.length === cpus.length) perCpu[column]! += value;
    }
    sources.push({ irq: label, name: /^\d+$/.test(label) ? devicesIn(rest) : rest.trim(), count });
  }
  return { cpus: new Map(cpus.map((cpu, column) => [cpu, perCpu[column] as number])), sources };
}

/** A vector without a number for each CPU is ignored. @throws SOURCE_UNREADABLE when the first line names no CPUs */
export function parseSoftirqs(text: string, path = 'softirqs'): Softirqs {
  const { cpus, rows } = table(text, path);
  const whole = rows.filter(({ counts }) => counts.length === cpus.length);
  return { cpus, vectors: new Map(whole.map(({ label, counts }) => [label, counts])) };
}

/** Chip, number and trigger stand in front of them, padded; where a device has the interrupt the line does not end in spaces. */
function devicesIn(rest: string): string {
  return rest.endsWith(' ') ? '' : rest.slice(rest.lastIndexOf('  ') + 2).trim();
}

interface Row {
  readonly label: string;
  readonly counts: readonly number[];
  /** What stands behind them. */
  readonly rest: string;
}

function table(
  text: string,
  path: string,
): { readonly cpus: readonly number[]; readonly rows: readonly Row[] } {
  const [header = '', ...lines] = text.split('\n');
  const cpus = Array.from(header.matchAll(/CPU(\d{1,6})(?= |$)/g), ([, cpu]) => Number(cpu));
  if (cpus.length === 0) throw malformed(path, 1, 'CPUs', header);
  const rows: Row[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const { counts, end } = numbersIn(line, colon + 1, cpus.length);
    const label = line.slice(0, Math.max(0, colon)).trim();
    if (label !== '' && counts.length > 0) rows.push({ label, counts, rest: line.slice(end) });
  }
  return { cpus, rows };
}

const SPACE = 0x20;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** Numbers of digits alone, at most so many; a host may have hundreds of thousands of them. */
function numbersIn(
  line: string,
  from: number,
  most: number,
): { readonly counts: number[]; readonly end: number } {
  const counts: number[] = [];
  let end = from;
  while (counts.length < most) {
    let at = end;
    while (line.charCodeAt(at) === SPACE) at++;
    const first = at;
    let value = 0;
    for (let code = line.charCodeAt(at); isDigit(code); code = line.charCodeAt(++at))
      value = value * 10 + code - 0x30;
    if (at === first || (at < line.length && line.charCodeAt(at) !== SPACE)) break;
    counts.push(value);
    end = at;
  }
  return { counts, end };
}
