/** Free memory by the size of its pieces: /proc/buddyinfo, frag_show_print() in mm/vmstat.c. */
import { decimal } from './source.ts';

export interface BuddyZone {
  readonly node: string;
  readonly zone: string;
  /** Free blocks of 2^index pages. */
  readonly blocks: readonly number[];
}

/** `Node 0, zone   Normal    321    337 …`; lines of another shape are skipped. */
export function parseBuddyinfo(text: string): BuddyZone[] {
  return text.split('\n').flatMap((line) => {
    const [word, node, label, zone, ...counts] = line.split(/[ ,]+/);
    if (word !== 'Node' || !node || label !== 'zone' || !zone) return [];
    const blocks: number[] = [];
    for (const count of counts) {
      const value = decimal(count);
      if (value === undefined) break;
      blocks.push(value);
    }
    return [{ node, zone, blocks }];
  });
}
