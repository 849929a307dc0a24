/**
 * Whose pins a directory has: a link beside them names the journal of the agent that has made them. Agents are told apart by their
 * journals, also while they are down, and a BPF file system holds no other files.
 */
import { readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

/** No name of a collector: it has a hyphen. */
const LINK = 'of-journal';

/** @returns the journal's directory; undefined when it was not noted, as by older agents */
export function pinOwner(pinDirectory: string): string | undefined {
  try {
    return readlinkSync(join(pinDirectory, LINK));
  } catch {
    return undefined;
  }
}

/** Takes the place of the owner before. */
export function notePinOwner(pinDirectory: string, journalDirectory: string): void {
  if (pinOwner(pinDirectory) === journalDirectory) return;
  forgetPinOwner(pinDirectory);
  symlinkSync(journalDirectory, join(pinDirectory, LINK));
}

/** Where nothing is pinned. */
export function forgetPinOwner(pinDirectory: string): void {
  try {
    unlinkSync(join(pinDirectory, LINK));
  } catch {
    // There was none.
  }
}
