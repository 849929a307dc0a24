/**
 * Pages of Node's program that the start needed and an idle agent does not: the kernel keeps what was once touched mapped, with
 * fifteen pages around it, some 50 MB. Unmapped they are plain page cache, which it may take back; one that is needed again is mapped
 * again by a minor fault. Main thread only.
 *
 * Only of the program itself: nothing else is sure to be where it was when the kernel is asked, as a library may be unloaded, and a
 * heap begin in its place.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { type AddressRange, forgetPages } from './libc.ts';

/** A private mapping of a file that cannot be written: program text and constants. */
const READ_ONLY_FILE = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +(\/.*)/;
/**
 * Pages that are no longer those of the file, in memory or swapped out: relocated when it was loaded, or with a breakpoint of a uprobe.
 */
const OWN_PAGES = /^(Anonymous|Swap): +[1-9]/m;
const EACH_MAPPING = /\n(?=[0-9a-f]+-)/;

/** Unmaps what would come back from its file as it was; the pages that are needed from now on come back one by one. */
export function unmapProgramPages(): void {
  try {
    // Both name a program that was replaced meanwhile with the same " (deleted)".
    const program = readlinkSync('/proc/self/exe');
    for (const range of droppable(readFileSync('/proc/self/smaps', 'latin1'), program)) forgetPages(range);
  } catch {
    // No more file can be opened: later.
  }
}

/** The mappings of a program that can be dropped, by what /proc/PID/smaps says of them. */
export function droppable(smaps: string, program: string): readonly AddressRange[] {
  return smaps.split(EACH_MAPPING).flatMap((mapping) => {
    const [, start, end, file] = READ_ONLY_FILE.exec(mapping) ?? [];
    if (start === undefined || file !== program || OWN_PAGES.test(mapping)) return [];
    return [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }];
  });
}
