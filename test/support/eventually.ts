/** Bounded waits: tests never sleep for a fixed time, and say what they waited for when it did not come. */
import { AssertionError } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const STEP_MS = 20;
/** Only a wait that would never end gets there: half of what the runner gives a test. */
const TIMEOUT_MS = 60_000;

/**
 * Asks again until `check` answers something true.
 * @param what completes the sentence "waited N ms for …"; a function tells what it is in the end
 * @param last added to the message when time is up: what was there instead
 * @returns what `check` answered; what it throws ends the wait
 */
export async function eventually<T>(
  what: string | (() => string),
  check: () => T | Promise<T>,
  { timeout_ms = TIMEOUT_MS, last = (): string => '' }: { timeout_ms?: number; last?: () => string } = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeout_ms;
  for (;;) {
    const answer = await check();
    if (answer) return answer as Exclude<T, undefined | false>;
    if (performance.now() > deadline) {
      const missed = typeof what === 'string' ? what : what();
      throw new AssertionError({ message: `waited ${timeout_ms} ms for ${missed}\n${last()}` });
    }
    await sleep(STEP_MS);
  }
}
