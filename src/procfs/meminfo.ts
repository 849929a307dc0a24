/** /proc/meminfo, format in Documentation/filesystems/proc.rst. */
import { join } from 'node:path';
import { decimal, readSource } from './source.ts';

/** What an OOM document keeps of it: where the host's memory was. */
const SNAPSHOT: readonly string[] = [
  'MemTotal',
  'MemFree',
  'MemAvailable',
  'Buffers',
  'Cached',
  'SwapCached',
  'Active(anon)',
  'Inactive(anon)',
  'Active(file)',
  'Inactive(file)',
  'Unevictable',
  'Slab',
  'SReclaimable',
  'SUnreclaim',
  'SwapTotal',
  'SwapFree',
  'CommitLimit',
  'Committed_AS',
];

/**
 * The rows of an OOM snapshot, in bytes by the kernel's own names.
 * @throws SOURCE_UNREADABLE
 */
export function readHostMeminfo(procfs: string): Record<string, number> {
  const all = parseMeminfo(readSource(join(procfs, 'meminfo')));
  return Object.fromEntries(SNAPSHOT.flatMap((name) => (name in all ? [[name, all[name] ?? 0]] : [])));
}

/** `Name:   123 kB` to bytes, `Name: 123` as it is; lines of another shape are skipped. */
export function parseMeminfo(text: string): Record<string, number> {
  const rows: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, name, number, unit] = /^([^:]+):\s+(\d+)( kB)?$/.exec(line) ?? [];
    const value = decimal(number);
    if (name !== undefined && value !== undefined) rows[name] = unit ? value * 1024 : value;
  }
  return rows;
}
