/** State of a task from /proc/PID/stat: proc_pid_stat(5), fs/proc/array.c. */

/** @returns the state letter, or undefined for a cut text. The name before it may hold spaces, newlines and `)`. */
export function parseTaskState(stat: string): string | undefined {
  return /^\) ([A-Za-z])(?: |$)/.exec(stat.slice(stat.lastIndexOf(')')))?.[1];
}
