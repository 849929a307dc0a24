/** memory.stat of a cgroup with those below it: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst. */
import { join } from 'node:path';
import { parseFlatKeyed } from './memory-cgroup.ts';
import { decimal, readIfThere } from './source.ts';

/** v1 has each value twice: of the cgroup alone, and with this in front of those below it, too. */
const WITH_DESCENDANTS = 'total_';

/**
 * @param cgroups directories by controller, `unified` for v2
 * @returns values by the kernel's names; undefined when it is gone, or has no memory controller
 * @throws SOURCE_UNREADABLE
 */
export function readMemoryStat(
  cgroups: Readonly<Record<string, string>>,
): ReadonlyMap<string, number> | undefined {
  const directory = cgroups.memory ?? cgroups.unified;
  const text = directory && readIfThere(join(directory, 'memory.stat'));
  return text === undefined ? undefined : parseMemoryStat(text);
}

/** v1 keys get the value with descendants, as v2 has it, and lose their `total_`. */
export function parseMemoryStat(text: string): Map<string, number> {
  const rows = parseFlatKeyed(text);
  const stat = new Map<string, number>();
  for (const [key, value] of Object.entries(rows)) {
    if (key.startsWith(WITH_DESCENDANTS)) stat.set(key.slice(WITH_DESCENDANTS.length), value);
    else if (rows[WITH_DESCENDANTS + key] === undefined) stat.set(key, value);
  }
  return stat;
}

/** One value of the text, which costs less than to parse it all. @param key without `total_` */
export function memoryStatValue(text: string, key: string): number | undefined {
  return valueBehind(text, `${WITH_DESCENDANTS}${key} `) ?? valueBehind(text, `${key} `);
}

function valueBehind(text: string, start: string): number | undefined {
  const at = text.startsWith(start) ? 0 : text.indexOf(`\n${start}`) + 1;
  if (at === 0 && !text.startsWith(start)) return undefined;
  const end = text.indexOf('\n', at);
  return decimal(text.slice(at + start.length, end < 0 ? undefined : end));
}
