/** Names are not things: which file or directory is meant, whatever is done to its name. */
import { fstatSync, lstatSync } from 'node:fs';

/** Device and inode; equal for one thing, and plain data. */
export type Identity = string;

export function identity({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): Identity {
  return `${dev}:${ino}`;
}

/** Of an open file. */
export function identityOf(fd: number): Identity {
  return identity(fstatSync(fd, { bigint: true }));
}

/** Of what has this name now; undefined when nothing has. A symbolic link is itself. */
export function identityAt(path: string): Identity | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && identity(stats);
}
