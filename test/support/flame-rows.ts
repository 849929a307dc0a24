/** What tests ask of the flame graph in a document. */
import type { ProfileDocument } from '../../src/sdk/profile-document.ts';

export type FlameRows = ProfileDocument['flamedata'];

/**
 * Function of a program with most of the value: that of itself and of what the kernel does for it, not that of functions of the
 * program which it calls.
 */
export function hottestUserFrame(rows: FlameRows): string | undefined {
  const own = new Map<string, number>();
  const add = (label: string, value: number): unknown => own.set(label, (own.get(label) ?? 0) + value);
  const path: string[] = [];
  for (const { level, label, value } of rows) {
    path.length = level;
    path[level] = label;
    if (level < 2 || path.some(isOfKernel)) continue;
    add(label, value);
    const caller = path[level - 1];
    if (level > 2 && caller !== undefined) add(caller, -value);
  }
  return [...own].toSorted(([, a], [, b]) => b - a)[0]?.[0];
}

/** Those of one process. */
export function rowsOf(rows: FlameRows, process: string): FlameRows {
  const first = rows.findIndex(({ level, label }) => level === 1 && label === process);
  if (first < 0) return [];
  const next = rows.findIndex(({ level }, index) => index > first && level <= 1);
  return rows.slice(first, next < 0 ? undefined : next);
}

function isOfKernel(label: string): boolean {
  return label.endsWith('_[k]');
}

/** Names of processes, those with most samples first. */
export function processesOf(rows: FlameRows): string[] {
  return rows
    .filter(({ level }) => level === 1)
    .toSorted((a, b) => b.value - a.value)
    .map(({ label }) => label);
}
