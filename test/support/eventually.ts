/** Bounded waits: tests never sleep for a fixed time, and say what they waited for when it did not come. */
import { AssertionError } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const STEP_MS = 20;
/** Only a wait that would never end gets there: half of what the runner gives a test. */
const TIMEOUT_MS = 60_000;

/** What completes a sentence such as "waited N ms for …"; a function tells what it is in the end. */
export type Waited = string | (() => string);

export function nameOf(what: Waited): string {
  return typeof what === 'string' ? what : what();
}

/**
 * Asks again until `check` answers something true.
 * @param last added to the message when time is up: what was there instead
 * @returns what `check` answered; what it throws ends the wait
 */
export async function eventually<T>(
  what: Waited,
  check: () => T | Promise<T>,
  { timeout_ms = TIMEOUT_MS, last = (): string => '' }: { timeout_ms?: number; last?: () => string } = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeout_ms;
  for (;;) {
    const answer = await check();
    if (answer) return answer as Exclude<T, undefined | false>;
    if (performance.now() > deadline)
      throw new AssertionError({ message: `waited ${timeout_ms} ms for ${nameOf(what)}\n${last()}` });
    await sleep(STEP_MS);
  }
}
