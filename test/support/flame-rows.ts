/** What tests ask of the flame graph in a document. */
import type { ProfileDocument } from '../../src/sdk/profile-document.ts';

export type FlameRows = ProfileDocument['flamedata'];

/** Function of a program in which most time was spent, not counting what it calls. */
export function hottestUserFrame(rows: FlameRows): string | undefined {
  const users = rows.filter(({ level, label }) => level > 1 && !label.endsWith('_[k]'));
  return users.toSorted((a, b) => b.self - a.self)[0]?.label;
}

/** Names of processes, those with most samples first. */
export function processesOf(rows: FlameRows): string[] {
  return rows
    .filter(({ level }) => level === 1)
    .toSorted((a, b) => b.value - a.value)
    .map(({ label }) => label);
}
