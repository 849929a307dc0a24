/** How a process was called: /proc/PID/cmdline, proc_pid_cmdline(5). */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

const MAX_BYTES = 127;

/**
 * @returns how it begins, at most 127 bytes, with a space where an argument ends; undefined when the process is gone or has given
 * its memory back, and of a kernel thread
 */
export function readCommandLine(procfs: string, pid: number): string | undefined {
  const bytes = new Uint8Array(MAX_BYTES);
  try {
    const fd = openSync(join(procfs, String(pid), 'cmdline'), 'r');
    try {
      const length = readSync(fd, bytes);
      const text = Buffer.from(bytes.subarray(0, length)).toString('utf8');
      return text.replace(/\0+$/, '').replaceAll('\0', ' ') || undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
