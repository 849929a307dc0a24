/**
 * Who else could change what the agent runs or believes. It is root: whoever may write one of its files, or one of the
 * directories that lead to it, is root as well.
 *
 * Trusted are root, the user the agent runs as, and the one who started it with sudo. A directory with the sticky bit, such as
 * /tmp, lets no one replace what belongs to another.
 */
import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const STICKY = 0o1000;
const GROUP_WRITE = 0o020;
const OTHER_WRITE = 0o002;

/**
 * @param path links are followed, and the directories that hold them looked at, too
 * @returns the file or directory that others may write, and who: `/etc/huatuo is owned by user 1000`; undefined when there is none,
 * or nothing at all
 */
export function foreignWriter(path: string): string | undefined {
  const real = realPath(path);
  if (real === undefined) return undefined;
  return writerAbove(resolve(path)) ?? writerAbove(real);
}

function writerAbove(path: string): string | undefined {
  const trusted = trustedIds();
  for (let each = path, isTarget = true; ; each = dirname(each), isTarget = false) {
    const stats = statSync(each, { throwIfNoEntry: false });
    const who = stats && writerOf(stats, trusted, isTarget);
    if (who) return `${each} ${who}`;
    if (each === dirname(each)) return undefined;
  }
}

interface TrustedIds {
  readonly users: ReadonlySet<number>;
  readonly groups: ReadonlySet<number>;
}

function trustedIds(): TrustedIds {
  const { SUDO_UID, SUDO_GID } = process.env;
  const own = process.geteuid?.() ?? 0;
  // Without root, anyone could have set them.
  const sudo = (id: string | undefined): number[] => (own === 0 && id ? [Number(id)] : []);
  return {
    users: new Set([0, own, ...sudo(SUDO_UID)]),
    groups: new Set([0, process.getegid?.() ?? 0, ...sudo(SUDO_GID)]),
  };
}

function writerOf(
  { mode, uid, gid }: Stats,
  { users, groups }: TrustedIds,
  isTarget: boolean,
): string | undefined {
  if (!users.has(uid)) return `is owned by user ${uid}`;
  if (!isTarget && mode & STICKY) return undefined;
  if (mode & OTHER_WRITE) return 'may be written by everyone';
  if (mode & GROUP_WRITE && !groups.has(gid)) return `may be written by group ${gid}`;
  return undefined;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
