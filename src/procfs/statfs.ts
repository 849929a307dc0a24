/**
 * Size of file systems: statfs(2).
 *
 * One that asks another host or a program (NFS, CIFS, FUSE) may never answer, and no signal but SIGKILL ends the call, if any
 * does. In a thread of this process that would cost the thread for good, in libuv's pool one of the few that load BPF programs
 * and write files, too. So those are asked by a process of their own, stat(1), which may hang for itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { parseProcessMemory } from './processes.ts';
import { decimal, readIfThere } from './source.ts';
import { parseTaskState } from './task-state.ts';

/** Bytes, and inodes; those of a file system that makes them as needed are 0. */
export interface FileSystemSize {
  readonly size_bytes: number;
  /** For root. */
  readonly free_bytes: number;
  /** For all others. */
  readonly available_bytes: number;
  readonly files: number;
  readonly files_free: number;
}

/** A process that has not answered in time. */
export interface Unanswered {
  readonly pid: number;
  readonly started_ticks: number;
}

/** Those whose answer is in the memory of this host. */
const LOCAL: ReadonlySet<string> = new Set(
  (
    'bcachefs btrfs cramfs erofs exfat ext2 ext3 ext4 f2fs hugetlbfs iso9660 jffs2 jfs minix nilfs2 ntfs3 overlay ramfs ' +
    'reiserfs romfs squashfs tmpfs ubifs udf ufs vfat xfs zfs'
  ).split(' '),
);

/** Where the processes are that this one starts, whatever the host's procfs is. */
const OWN_PROCFS = '/proc';

/** @param type as mountinfo has it. @returns false for one that is not known, too */
export function isLocal(type: string): boolean {
  return LOCAL.has(type);
}

/** @throws the errno's error */
export function localSize(path: string): FileSystemSize {
  const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(path);
  return {
    size_bytes: blocks * bsize,
    free_bytes: bfree * bsize,
    available_bytes: bavail * bsize,
    files,
    files_free: ffree,
  };
}

/**
 * Asks in a process of its own.
 * @param wait_ms after which the process is killed
 * @returns the process when it could not be killed either; undefined when there is no answer
 */
export async function sizeByProcess(
  path: string,
  wait_ms: number,
): Promise<FileSystemSize | Unanswered | undefined> {
  // In units of blocks: their size, all, free, available to others than root; then inodes.
  const child: ChildProcess = spawn('stat', ['-f', '-c', '%S %b %f %a %c %d', '--', path], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  // There is none when the host has no room for another process.
  child.stdout?.setEncoding('latin1').on('data', (text: string) => {
    output += text;
  });
  const late = AbortSignal.timeout(wait_ms);
  try {
    await once(child, 'close', { signal: late });
    return parseStat(output);
  } catch {
    child.kill('SIGKILL');
    // What hangs in the kernel must not keep this thread from ending.
    child.stdout?.destroy();
    child.unref();
    child.on('error', () => undefined);
    return child.pid === undefined ? undefined : asUnanswered(child.pid);
  }
}

/** @returns undefined for text that is not six numbers */
export function parseStat(text: string): FileSystemSize | undefined {
  const numbers = text.trim().split(' ').map(decimal);
  const [block, blocks, free, available, files, files_free] = numbers;
  if (numbers.length !== 6 || numbers.includes(undefined)) return undefined;
  return {
    size_bytes: blocks! * block!,
    free_bytes: free! * block!,
    available_bytes: available! * block!,
    files: files!,
    files_free: files_free!,
  };
}

/** Whether that process still hangs. */
export function stillHangs({ pid, started_ticks }: Unanswered): boolean {
  return asUnanswered(pid)?.started_ticks === started_ticks;
}

function asUnanswered(pid: number): Unanswered | undefined {
  const stat = readIfThere(join(OWN_PROCFS, String(pid), 'stat')) ?? '';
  const started_ticks = parseProcessMemory(stat, 1)?.started_ticks;
  // A zombie has ended; its parent's thread may have, too, before it could ask for the result.
  return started_ticks === undefined || parseTaskState(stat) === 'Z' ? undefined : { pid, started_ticks };
}
