/** What limits this process itself (getrlimit(2)). */
import { readFileSync } from 'node:fs';

/** RLIMIT_AS in bytes; undefined when there is none, or that cannot be read. */
export function addressSpaceLimit(limits = '/proc/self/limits'): number | undefined {
  try {
    const [, bytes] = /^Max address space +(\d+)/m.exec(readFileSync(limits, 'utf8')) ?? [];
    return bytes === undefined ? undefined : Number(bytes);
  } catch {
    return undefined;
  }
}
