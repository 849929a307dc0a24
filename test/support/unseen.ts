/**
 * Events in interrupts, and exact counts of them.
 *
 * The kernel of a sandbox may run no program in the context of the process that controls it (there: process 1). An interrupt
 * that hits this process is done without one, neither counted nor among the runs that were left out: of some ten thousand
 * requests of a loop device the completion of one; or the timer that sends a segment again. So a test that needs each of them is
 * tried again; a collector that misses or miscounts fails each time.
 */
import { AssertionError } from 'node:assert/strict';

const ATTEMPTS = 4;

/** @throws what the last attempt has thrown; what is neither an assertion nor a time-out of `eventually` is thrown at once */
export async function retryUnseen(attempt: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || !(error instanceof AssertionError)) throw error;
    }
  }
}
