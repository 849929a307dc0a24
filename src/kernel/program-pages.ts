/**
 * Pages of Node's program and its libraries that the start needed and an idle agent does not: the kernel keeps what was once
 * touched mapped, with fifteen pages around it, some 50 MB. Unmapped they are plain page cache, which it may take back; one that is
 * needed again is mapped again by a minor fault. Main thread only.
 */
import { readFileSync } from 'node:fs';
import { type AddressRange, forgetPages, PAGE_BYTES } from './libc.ts';

/** A private mapping of a file that cannot be written: program text and constants. */
const READ_ONLY_FILE = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +\//;
/** Pages that are no longer those of the file: relocated when it was loaded, or with a breakpoint of a uprobe. */
const OWN_PAGES = /^Anonymous: +[1-9]/m;
const EACH_MAPPING = /\n(?=[0-9a-f]+-)/;

/** Unmaps what would come back from its file as it was; the pages that are needed from now on come back one by one. */
export function unmapProgramPages(): void {
  for (const range of droppable(ownMappings())) forgetPages(range);
  growth.begin(performance.now());
}

/** Does so again when much has come that the work itself does not need all the time: called from time to time. */
export function followProgramPages(now_ms: number): void {
  if (growth.isDue(now_ms, mappedFileBytes)) unmapProgramPages();
}

/** Until then the pages that are needed all the time are back. */
const SETTLED_MS = 30_000;
const LOOK_MS = 10_000;
/** What is mapped for something rare, such as symbols, the first of many events, or a capture: a new unmapping takes some milliseconds. */
const GROWN_BYTES = 6 << 20;

/** When pages are to be unmapped again: a busy agent, which needs more of them, is left with these. Pure. */
export class PageGrowth {
  #unmapped_ms = Number.NEGATIVE_INFINITY;
  #looked_ms = Number.NEGATIVE_INFINITY;
  #settled_bytes: number | undefined;

  /** They were unmapped. */
  begin(now_ms: number): void {
    this.#unmapped_ms = now_ms;
    this.#settled_bytes = undefined;
  }

  /** @param mapped how much of files is mapped, when that is asked for; undefined where it is not known */
  isDue(now_ms: number, mapped: () => number | undefined): boolean {
    if (now_ms - this.#unmapped_ms < SETTLED_MS || now_ms - this.#looked_ms < LOOK_MS) return false;
    this.#looked_ms = now_ms;
    const bytes = mapped();
    if (bytes === undefined) return false;
    this.#settled_bytes ??= bytes;
    return bytes - this.#settled_bytes > GROWN_BYTES;
  }
}

const growth = new PageGrowth();

/** With what is in shared memory; undefined while no more file can be opened. */
function mappedFileBytes(): number | undefined {
  try {
    const [, , shared] = readFileSync('/proc/self/statm', 'latin1').split(' ');
    return Number(shared) * PAGE_BYTES;
  } catch {
    return undefined;
  }
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
