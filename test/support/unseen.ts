/**
 * Exact counts of what happens in interrupts.
 *
 * The kernel of a sandbox may run no program in the context of the process that controls it (there: process 1). An interrupt
 * that hits this process is done without one, neither counted nor among the runs that were left out: of some ten thousand
 * requests of a loop device the completion of one. So a test with an exact count of hundreds is tried again; a collector that
 * miscounts fails each time.
 */
import { AssertionError } from 'node:assert/strict';

const ATTEMPTS = 4;

/** @throws what the last attempt has thrown; what is no assertion is thrown at once */
export async function retryUnseen(attempt: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || !(error instanceof AssertionError)) throw error;
    }
  }
}
