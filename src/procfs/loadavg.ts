/** Load averages from /proc/loadavg; format: proc_loadavg(5), fs/proc/loadavg.c. */
import { join } from 'node:path';
import { malformed, readSource } from './source.ts';

/** Tasks running or in uninterruptible sleep, averaged over 1, 5 and 15 minutes. */
export interface LoadAverage {
  readonly load1: number;
  readonly load5: number;
  readonly load15: number;
}

/** @throws SOURCE_UNREADABLE */
export function readLoadAverage(procfs: string): LoadAverage {
  const path = join(procfs, 'loadavg');
  return parseLoadAverage(readSource(path), path);
}

/** @throws SOURCE_UNREADABLE when the text does not begin with three numbers */
export function parseLoadAverage(text: string, path = 'loadavg'): LoadAverage {
  const found = /^(\d{1,9}\.\d{1,6}) (\d{1,9}\.\d{1,6}) (\d{1,9}\.\d{1,6})(?=\s|$)/.exec(text);
  if (!found) throw malformed(path, 1, 'three load averages', text);
  return { load1: Number(found[1]), load5: Number(found[2]), load15: Number(found[3]) };
}
