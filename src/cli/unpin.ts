/** `huatuo unpin`: ends what pinned collectors left running in the kernel. */
import { statSync } from 'node:fs';
import { HuatuoError } from '../error.ts';
import { lockPinDirectory, requireBpffs } from '../kernel/bpffs.ts';
import { forgetPinOwner } from '../kernel/pins/pin-owner.ts';
import { type RemovedSet, removeIfEmpty, removeOtherPins } from '../kernel/pins/pin-set.ts';

/**
 * Removes every set of pins of ours below a directory, whole or not, and the directory if nothing else is in it.
 * @returns one line for each set, or one that says there was none
 * @throws DIRECTORY_NOT_WRITABLE when the path exists and is not on a BPF file system, or belongs to an agent that runs
 */
export function unpin(pinDirectory: string): string {
  if (!isThere(pinDirectory)) return nothing(pinDirectory);
  requireBpffs(pinDirectory);
  using _lock = lockPinDirectory(pinDirectory);
  const removed = removeOtherPins(pinDirectory, new Set());
  forgetPinOwner(pinDirectory);
  removeIfEmpty(pinDirectory);
  return removed.length === 0 ? nothing(pinDirectory) : removed.map(line).join('\n');
}

/** @throws PERMISSION_DENIED where that cannot be seen */
function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') return false;
    const expected = `to look into ${path}`;
    throw new HuatuoError('PERMISSION_DENIED', { expected, found: code, remedy: 'run as root', cause });
  }
}

function nothing(pinDirectory: string): string {
  return `nothing is pinned in ${pinDirectory}`;
}

function line({ collector, fingerprint, complete, links, maps, unread_bytes }: RemovedSet): string {
  const what = `${collector}/${fingerprint}: ${links} links, ${maps} maps, ${unread_bytes} bytes unread`;
  return complete ? what : `${what} (was incomplete)`;
}
