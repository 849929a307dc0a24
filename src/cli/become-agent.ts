/**
 * The process of the agent: V8 and malloc set up for a dozen small heaps that idle for weeks. Both must be told before the first
 * isolate is made. The binary does so (`src/cli/huatuo`, out of `dist/launch.sh`); where it did not, the process replaces itself by
 * one that is told, and its id stays. ARCHITECTURE.md has what each flag is worth.
 */

import { MALLOC_OF_START } from '../agent/malloc.ts';

export const V8_FLAGS: readonly string[] = [
  // A heap that is deserialised is 1 MB larger, and is never compacted.
  '--no-node-snapshot',
  // Its code is there for each heap anew, and what is hot gets optimised all the same.
  '--no-sparkplug',
  // Waking four threads for a small heap costs more than to collect it.
  '--single-threaded-gc',
  '--v8-pool-size=1',
  // For src/actor/collect-garbage.ts.
  '--expose-gc',
];

export const ENVIRONMENT: Readonly<Record<string, string>> = {
  // Threads allocate little, and what one has freed another can use.
  MALLOC_ARENA_MAX: '1',
  ...MALLOC_OF_START,
  UV_USE_IO_URING: '0',
};

/** Words that begin another command: the agent is what runs without one (command-line.ts), or with `run`. */
const OTHER_COMMANDS: ReadonlySet<string> = new Set([
  'build',
  'check',
  'containers',
  'events',
  'help',
  'list',
  'profile',
  'reload',
  'resend',
  'unpin',
  'version',
  '--help',
  '-h',
  '--version',
]);

/** Whether a command line most likely starts the agent: cheap, and asked before anything is loaded that could tell for sure. */
export function startsAgent(argv: readonly string[]): boolean {
  return !argv.some((word) => OTHER_COMMANDS.has(word));
}

/** Replaces this process by one with the agent's flags (execve(2)); returns in the process that has them. */
export function becomeAgent(): void {
  if (V8_FLAGS.every((flag) => process.execArgv.includes(flag))) return;
  const argv = [process.execPath, ...process.execArgv, ...V8_FLAGS, ...process.argv.slice(1)];
  process.execve?.(process.execPath, argv, { ...ENVIRONMENT, ...(process.env as Record<string, string>) });
}
