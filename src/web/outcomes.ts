/** What became of each collector's newest scrape: for the log, once for each change, and for the status. */
import type { HuatuoError } from '../error.ts';
import type { Log } from '../sdk/context.ts';
import type { ScrapeFault } from '../storage/prometheus/scrape.ts';
import type { PooledStatus } from './status.ts';

interface Outcome {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly faults: readonly ScrapeFault[];
}

export class ScrapeOutcomes {
  readonly #log: Log;
  readonly #newest = new Map<string, Outcome>();
  /** When each last had no fault; milliseconds since the epoch. */
  readonly #succeeded_ms = new Map<string, number>();
  /** What was logged last about each collector. */
  readonly #logged = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** A collector that stays broken is logged once, not at every scrape. */
  add(collector: string, faults: readonly ScrapeFault[]): void {
    this.#newest.set(collector, { at: Date.now(), faults });
    if (faults.length === 0) this.#succeeded_ms.set(collector, Date.now());
    if (faults.some((fault) => fault.type === 'failed' && fault.error.code === 'COLLECTOR_STARTING')) return;
    const signature = faults
      .map((fault) =>
        // Another message is another failure, but not another pid or time in it.
        fault.type === 'failed'
          ? `${fault.error.code} ${fault.error.message.replace(/\d+/g, '#')}`
          : fault.reason,
      )
      .join();
    if ((this.#logged.get(collector) ?? '') === signature) return;
    this.#logged.set(collector, signature);
    if (faults.length === 0) this.#log.info('metrics are complete again', { collector });
    for (const fault of faults) {
      if (fault.type === 'failed')
        this.#log.warn('a collector gave no metrics', { collector, error: fault.error });
      else this.#log.warn('a metric family was left out of the page', { collector, reason: fault.reason });
    }
  }

  /** The collector was made anew or is gone: what it did before says nothing. */
  forget(collector: string): void {
    this.#newest.delete(collector);
    this.#succeeded_ms.delete(collector);
  }

  /** Seconds since the epoch; undefined if it never gave all its samples. */
  lastSuccess_seconds(collector: string): number | undefined {
    const at_ms = this.#succeeded_ms.get(collector);
    return at_ms && at_ms / 1000;
  }

  status(name: string): PooledStatus {
    const newest = this.#newest.get(name);
    if (!newest) return { name };
    const [fault] = newest.faults;
    return {
      name,
      scraped_at: new Date(newest.at).toISOString(),
      success: fault === undefined,
      ...(fault && { error: errorOf(fault) }),
    };
  }
}

function errorOf(fault: ScrapeFault): NonNullable<PooledStatus['error']> {
  if (fault.type === 'refused') return { code: 'COLLECTOR_FAILED', message: fault.reason };
  const { code, message }: HuatuoError = fault.error;
  return { code, message };
}
