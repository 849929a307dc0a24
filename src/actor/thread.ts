/** The calling thread, as the kernel knows it. */
import { readlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

/** `<pid>/task/<tid>`; /proc is the agent's own here, not the host's that it may look at. */
const OWN = '/proc/thread-self';

/** Kernel id of this thread, as in /proc/self/task. */
export function threadId(): number {
  return Number(basename(readlinkSync(OWN)));
}

/** Names this thread for `top -H`; the kernel keeps 15 bytes. Workers are named by their `name` option. */
export function nameThread(name: string): void {
  writeFileSync(`${OWN}/comm`, name);
}
