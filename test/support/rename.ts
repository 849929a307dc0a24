/** What the fixtures' programs are attached to: the kernel tells when a task gets another name. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Gives this process another name for a moment; programs have seen it when this returns. */
export function rename(name: string): void {
  const before = readFileSync('/proc/self/comm', 'latin1').trim();
  writeFileSync('/proc/self/comm', name);
  writeFileSync('/proc/self/comm', before);
}
