/** What limits this process itself (getrlimit(2)). */
import { readFileSync } from 'node:fs';

const LIMITS = '/proc/self/limits';

/** RLIMIT_AS in bytes; undefined when there is none, or that cannot be read. */
export function addressSpaceLimit(limits = LIMITS): number | undefined {
  return limitOf('Max address space', limits);
}

/** RLIMIT_NOFILE; undefined when that cannot be read. */
export function openFilesLimit(limits = LIMITS): number | undefined {
  return limitOf('Max open files', limits);
}

function limitOf(name: string, limits: string): number | undefined {
  try {
    const [, limit] = new RegExp(`^${name} +(\\d+)`, 'm').exec(readFileSync(limits, 'utf8')) ?? [];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}
