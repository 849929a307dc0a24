/**
 * The BPF file system: where pinned maps and links have names. A pin keeps its object alive without any process, until it
 * is unlinked or the file system is unmounted; nothing of it survives a reboot.
 *
 * Names on it hold no dots (kernel/bpf/inode.c, bpf_lookup), directories can be renamed.
 */
import { constants, existsSync, mkdirSync, openSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HuatuoError } from '../error.ts';
import { errnoName } from './libbpf.ts';
import { mount } from './libc.ts';
import { holdLock } from './lock.ts';

/** linux/magic.h */
const BPF_FS_MAGIC = 0xcafe4a11;
const USUAL_MOUNT = '/sys/fs/bpf';

/** Whether `path` exists and lies on a BPF file system. */
export function isOnBpffs(path: string): boolean {
  return existsSync(path) && statfsSync(path).type === BPF_FS_MAGIC;
}

/**
 * Makes the directory, mode 0700, and the BPF file system below it if it is to be at /sys/fs/bpf and is not mounted.
 * @throws DIRECTORY_NOT_WRITABLE when the path is not on a BPF file system, or cannot be made
 */
export function preparePinDirectory(path: string): void {
  const absolute = resolve(path);
  const existing = nearestDirectory(absolute);
  if (!isOnBpffs(existing)) {
    if (existing !== USUAL_MOUNT) throw notBpffs(path, `${existing} is on another file system`);
    const errno = mount('bpf', USUAL_MOUNT, 'mode=0700');
    if (errno !== 0) throw notBpffs(path, `mounting one at ${USUAL_MOUNT} failed with ${errnoName(errno)}`);
  }
  try {
    mkdirSync(absolute, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new HuatuoError('DIRECTORY_NOT_WRITABLE', {
      expected: `to make ${path}`,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'names on a BPF file system hold no dots; run as root',
      cause,
    });
  }
}

/**
 * Keeps every other agent off the directory: two readers of one pinned ring would take each other's events.
 * @returns the lock; it goes with the process, however that ends
 * @throws DIRECTORY_NOT_WRITABLE when another agent holds it
 */
export function lockPinDirectory(path: string): Disposable {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  const lock = holdLock(fd);
  if (typeof lock !== 'number') return lock;
  throw new HuatuoError('DIRECTORY_NOT_WRITABLE', {
    expected: `${path} to be free`,
    found: `its lock is held by another agent (${errnoName(lock)})`,
    remedy: 'stop that agent first, or name another pin directory',
  });
}

/** @throws DIRECTORY_NOT_WRITABLE unless `path` lies on a BPF file system */
export function requireBpffs(path: string): void {
  if (!isOnBpffs(path)) throw notBpffs(path, 'another file system');
}

/** The directory itself or the closest parent there is. */
function nearestDirectory(path: string): string {
  return existsSync(path) ? path : nearestDirectory(dirname(path));
}

function notBpffs(path: string, found: string): HuatuoError {
  return new HuatuoError('DIRECTORY_NOT_WRITABLE', {
    expected: `${path} on a BPF file system`,
    found,
    remedy: 'mount one (mount -t bpf bpf /sys/fs/bpf) and name a directory on it',
  });
}
