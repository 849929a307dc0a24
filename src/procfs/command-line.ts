/** How a process was called: /proc/PID/cmdline, proc_pid_cmdline(5). */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';

const MAX_BYTES = 127;

/**
 * @param comm name of the process when it was seen: its number may be another one's by now
 * @returns how it begins, at most 127 bytes, with a space where an argument ends; undefined when the process is gone or has given
 * its memory back, and of a kernel thread
 */
export function readCommandLine(procfs: string, pid: number, comm: string): string | undefined {
  const bytes = new Uint8Array(MAX_BYTES);
  const directory = join(procfs, String(pid));
  try {
    const fd = openSync(join(directory, 'cmdline'), 'r');
    try {
      if (readFileSync(join(directory, 'comm'), 'utf8') !== `${comm}\n`) return undefined;
      const length = readSync(fd, bytes);
      // Without the part of a character that a cut leaves.
      const text = new StringDecoder('utf8').write(bytes.subarray(0, length));
      return text.replace(/\0+$/, '').replaceAll('\0', ' ') || undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
