/**
 * The socket for reloads, as both ends know it. The client writes one line, `reload`, and reads one line of JSON.
 *
 * It is a socket in the file system because the kernel then decides who may connect (its mode and the directories above it), because
 * nothing in a browser reaches it, and because there is no secret that could be copied. It is no part of the HTTP server, so its
 * answer arrives also when that one is replaced.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { JournalConfig, ReloadConfig } from '../config/effective.ts';
import type { WireError } from '../error.ts';

export const REQUEST = 'reload\n';

export type ReloadAnswer =
  | { readonly type: 'done'; readonly message: string }
  | { readonly type: 'refused'; readonly error: WireError };

/** What of the configuration decides about the socket. */
export interface ReloadPlace {
  readonly reload: ReloadConfig;
  readonly journal: Pick<JournalConfig, 'directory'>;
}

/** Beside the lock of the journal's directory, which one agent has at a time, unless another place is set. */
export function reloadSocketPath({ reload, journal }: ReloadPlace): string {
  return reload.socket || join(journal.directory, '.reload.sock');
}

/**
 * A name of the path that is short enough for a socket, which 107 bytes bound.
 * @throws what open(2) says of its directory
 */
export function shortPath(path: string): Disposable & { readonly path: string } {
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    path: `/proc/self/fd/${directory}/${basename(path)}`,
    [Symbol.dispose]: () => closeSync(directory),
  };
}
