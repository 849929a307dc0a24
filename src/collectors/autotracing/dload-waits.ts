/** What a task in uninterruptible sleep waits for, as far as files say it: for dload. */
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parseMountinfo } from '../../procfs/mountinfo.ts';
import type { Thread } from '../../procfs/threads.ts';

/** With these the first argument is the file. */
const SYSCALLS_OF_FILES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  // arch/x86/entry/syscalls/syscall_64.tbl
  x64: {
    ...{ 0: 'read', 1: 'write', 5: 'fstat', 8: 'lseek', 16: 'ioctl', 17: 'pread64', 18: 'pwrite64' },
    ...{ 19: 'readv', 20: 'writev', 40: 'sendfile', 72: 'fcntl', 73: 'flock', 74: 'fsync', 75: 'fdatasync' },
    ...{ 77: 'ftruncate', 78: 'getdents', 91: 'fchmod', 93: 'fchown', 217: 'getdents64' },
    ...{ 277: 'sync_file_range', 285: 'fallocate', 295: 'preadv', 296: 'pwritev', 306: 'syncfs' },
    ...{ 327: 'preadv2', 328: 'pwritev2' },
  },
  // include/uapi/asm-generic/unistd.h
  arm64: {
    ...{ 25: 'fcntl', 29: 'ioctl', 32: 'flock', 46: 'ftruncate', 47: 'fallocate', 52: 'fchmod' },
    ...{ 55: 'fchown', 61: 'getdents64', 62: 'lseek', 63: 'read', 64: 'write', 65: 'readv', 66: 'writev' },
    ...{ 67: 'pread64', 68: 'pwrite64', 69: 'preadv', 70: 'pwritev', 71: 'sendfile', 80: 'fstat' },
    ...{ 82: 'fsync', 83: 'fdatasync', 84: 'sync_file_range', 267: 'syncfs', 286: 'preadv2' },
    ...{ 287: 'pwritev2' },
  },
};

interface Wait {
  /** Kernel function. */
  readonly wchan?: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly device?: string;
  readonly mount_point?: string;
}

/**
 * Nothing here follows a path or takes a lock of the task's, which may hang as the task does: with one exception, `syscall`.
 * @param isInExecve the task may hold the lock that `/proc/PID/syscall` waits for: it is not asked
 */
export function waitOf(procfs: string, { pid, tid }: Thread, isInExecve: boolean): Wait {
  const task = join(procfs, String(pid), 'task', String(tid));
  const wchan = attempt(() => readFileSync(join(task, 'wchan'), 'utf8'));
  const [number, fd] = (
    isInExecve ? '' : (attempt(() => readFileSync(join(task, 'syscall'), 'utf8')) ?? '')
  ).split(' ');
  const syscall = SYSCALLS_OF_FILES[process.arch]?.[Number(number || -1)];
  return {
    ...(wchan && wchan !== '0' && { wchan }),
    ...(syscall !== undefined && { syscall, ...fileOf(task, fd) }),
  };
}

/** @param register of the descriptor: of its 64 bits, 32 count */
function fileOf(task: string, register = '-1'): Pick<Wait, 'path' | 'device' | 'mount_point'> {
  const descriptor = String(BigInt.asUintN(32, BigInt(register)));
  const path = attempt(() => readlinkSync(join(task, 'fd', descriptor)));
  if (path === undefined) return {};
  const info = attempt(() => readFileSync(join(task, 'fdinfo', descriptor), 'utf8')) ?? '';
  const [, mount] = /^mnt_id:\s*(\d+)$/m.exec(info) ?? [];
  const line = attempt(() => readFileSync(join(task, 'mountinfo'), 'utf8'))
    ?.split('\n')
    .find((one) => one.startsWith(`${mount} `));
  const [found] = parseMountinfo(line ?? '');
  return { path, ...(found && { device: found.source, mount_point: found.mountPoint }) };
}

/** It may have ended, or the agent may not look at it. */
function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
