/** What the fixtures' programs are attached to: the kernel tells when a task gets another name. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Gives this process other names for a moment, one after the other; programs have seen them when this returns. */
export function rename(...names: readonly string[]): void {
  const before = readFileSync('/proc/self/comm', 'latin1').trim();
  for (const name of names) writeFileSync('/proc/self/comm', name);
  writeFileSync('/proc/self/comm', before);
}
