/** What a process is doing, as ps(1) has it. */
import { readFileSync } from 'node:fs';

/** @returns the state letter of a process, also of one with odd characters in its name */
export function taskState(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return /^\) (\w)/.exec(stat.slice(stat.lastIndexOf(')')))?.[1];
}
