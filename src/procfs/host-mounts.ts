/** File systems of the host, as its init has them mounted: proc_pid_mountinfo(5). */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Mount, parseMountinfo, readMountinfo } from './mountinfo.ts';
import { readSource } from './source.ts';

export interface HostMount extends Mount {
  /** How this process comes to it: through the root of init where the agent has mounts of its own. */
  readonly path: string;
}

/**
 * Of several at one mount point the last, which covers the others.
 * @param procfs mount point of procfs
 * @throws the errno's error, or SOURCE_UNREADABLE
 */
export function readHostMounts(procfs: string): HostMount[] {
  const init = join(procfs, '1');
  const root = isElsewhere(init, join(procfs, 'self')) ? join(init, 'root') : '';
  const text = root === '' ? readMountinfo(procfs) : readSource(join(init, 'mountinfo'));
  const mounts = new Map<string, HostMount>();
  for (const mount of parseMountinfo(text))
    mounts.set(mount.mountPoint, { ...mount, path: root + mount.mountPoint });
  return [...mounts.values()];
}

/** Where init's may not be looked at, its root may not be gone through either. */
function isElsewhere(init: string, self: string): boolean {
  const [inits, own] = [mountNamespace(init), mountNamespace(self)];
  return inits !== undefined && own !== undefined && inits !== own;
}

function mountNamespace(process: string): string | undefined {
  try {
    return readlinkSync(join(process, 'ns/mnt'));
  } catch {
    return undefined;
  }
}

/** What a file system says of itself: ext4 has the latter two after an error, since Linux 6.15, and the mount is still called rw. */
const READ_ONLY: readonly string[] = ['ro', 'emergency_ro', 'shutdown'];

/** Whether nothing can be written there: the mount is read-only, or what is mounted is, as after an error of the disk. */
export function isReadOnly({ options, superOptions }: Mount): boolean {
  return options.includes('ro') || READ_ONLY.some((option) => superOptions.includes(option));
}
