/** One log line when events are lost before they are documents; what goes on is summarised once a minute for each collector. */
import { limitRepeats } from '../log-limit.ts';
import type { Log } from '../sdk/context.ts';
import type { LedgerStatus } from '../web/status.ts';

const REPEATS_MS = 60_000;
const REMEDY =
  'they come faster than they are read: raise the thresholds of the collector, or free what keeps the journal from taking them (/api/v1/status)';

export class LossLog implements Disposable {
  readonly #log: Log & Disposable;
  /** By collector, as of the last look. */
  readonly #lost = new Map<string, bigint>();

  constructor(log: Log) {
    this.#log = limitRepeats(log, { interval_ms: REPEATS_MS });
  }

  /** Looks at each ledger: rings that were full since the last look are told. */
  check(ledgers: Iterable<LedgerStatus>): void {
    for (const { collector, dropped_ring_full } of ledgers) {
      const lost = BigInt(dropped_ring_full);
      const known = this.#lost.get(collector) ?? 0n;
      this.#lost.set(collector, lost);
      // It is less when a ring was made anew.
      if (lost > known)
        this.#log.warn(`${collector} loses events: its ring is full`, {
          collector,
          ring_full: Number(lost),
          remedy: REMEDY,
        });
    }
  }

  /** Writes the last summaries. */
  [Symbol.dispose](): void {
    this.#log[Symbol.dispose]();
  }
}
