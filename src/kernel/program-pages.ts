/**
 * Pages of Node's program and its libraries that the start needed and an idle agent does not: the kernel keeps what was once
 * touched mapped, with fifteen pages around it, some 50 MB. Unmapped they are plain page cache, which it may take back; one that is
 * needed again is mapped again by a minor fault. Main thread only.
 */
import { readFileSync } from 'node:fs';
import { type AddressRange, forgetPages } from './libc.ts';

/** A private mapping of a file that cannot be written: program text and constants. */
const READ_ONLY_FILE = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +\//;
/** Pages that are no longer those of the file: relocated when it was loaded, or with a breakpoint of a uprobe. */
const OWN_PAGES = /^Anonymous: +[1-9]/m;
const EACH_MAPPING = /\n(?=[0-9a-f]+-)/;

/** Unmaps what would come back from its file as it was; the pages that are needed from now on come back one by one. */
export function unmapProgramPages(): void {
  for (const range of droppable(ownMappings())) forgetPages(range);
}

/** Empty while no more file can be opened. */
function ownMappings(): string {
  try {
    return readFileSync('/proc/self/smaps', 'latin1');
  } catch {
    return '';
  }
}

/** The mappings that can be dropped, by what /proc/PID/smaps says of them. */
export function droppable(smaps: string): readonly AddressRange[] {
  return smaps.split(EACH_MAPPING).flatMap((mapping) => {
    const [, start, end] = READ_ONLY_FILE.exec(mapping) ?? [];
    if (start === undefined || OWN_PAGES.test(mapping)) return [];
    return [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }];
  });
}
