/** What a process is doing, as ps(1) has it. */
import { readFileSync } from 'node:fs';
import { parseTaskState } from '../../src/procfs/task-state.ts';

export function taskState(pid: number): string | undefined {
  return parseTaskState(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
