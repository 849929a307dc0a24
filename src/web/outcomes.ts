/**
 * What became of each collector's newest scrape: for the log, once for each change, and for the status. Collectors that are late
 * together have one cause, which is told in one line for all of them.
 */
import { HuatuoError } from '../error.ts';
import { type LimitedLog, limitRepeats } from '../log-limit.ts';
import type { Log } from '../sdk/context.ts';
import type { ScrapeFault } from '../storage/prometheus/scrape.ts';
import type { PooledStatus } from './status.ts';

interface Outcome {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly faults: readonly ScrapeFault[];
}

/** So many that are late at one scrape are not slow by themselves. */
const MANY = 3;
const MAX_NAMED = 5;
/** Under a load that lasts, others are late at each scrape. */
const REPEATS_MS = 60_000;

export class ScrapeOutcomes implements Disposable {
  readonly #log: Log;
  readonly #limited: LimitedLog;
  /** What is new since the last page, of those without another fault than to be late, or none any more. */
  #late = new Map<string, HuatuoError>();
  #complete: string[] = [];
  readonly #newest = new Map<string, Outcome>();
  /** When each last had no fault; milliseconds since the epoch. */
  readonly #succeeded_ms = new Map<string, number>();
  /** What was logged last about each collector. */
  readonly #logged = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
    this.#limited = limitRepeats(log, { interval_ms: REPEATS_MS });
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
    if (faults.length === 0) this.#complete.push(collector);
    for (const fault of faults) {
      if (fault.type === 'failed' && isLate(fault.error)) this.#late.set(collector, fault.error);
      else if (fault.type === 'failed')
        this.#log.warn('a collector gave no metrics', { collector, error: fault.error });
      else this.#log.warn('a metric family was left out of the page', { collector, reason: fault.reason });
    }
  }

  /** The page is made: what it has shown of collectors that are late, or complete again, is told. */
  pageMade(): void {
    const [late, complete] = [this.#late, this.#complete];
    this.#late = new Map();
    this.#complete = [];
    if (late.size >= MANY)
      this.#limited.warn('collectors gave no metrics in time', {
        ...named([...late.keys()]),
        error: tooSlow(late.size),
      });
    else
      for (const [collector, error] of late)
        this.#log.warn('a collector gave no metrics', { collector, error });
    if (complete.length >= MANY)
      this.#limited.info('metrics of collectors are complete again', named(complete));
    else for (const collector of complete) this.#log.info('metrics are complete again', { collector });
  }

  /** Writes the last summaries. */
  [Symbol.dispose](): void {
    this.#limited[Symbol.dispose]();
  }

  /** The collector was made anew or is gone: what it did before says nothing. */
  forget(collector: string): void {
    this.#newest.delete(collector);
    this.#succeeded_ms.delete(collector);
    this.#logged.delete(collector);
    this.#late.delete(collector);
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

function isLate({ code }: HuatuoError): boolean {
  return code === 'DEADLINE_EXCEEDED' || code === 'OVERLOADED';
}

function named(collectors: readonly string[]): object {
  return { count: collectors.length, collectors: collectors.slice(0, MAX_NAMED) };
}

function tooSlow(count: number): HuatuoError {
  return new HuatuoError('OVERLOADED', {
    expected: 'an answer of each collector within web.scrape_timeout',
    found: `none of ${count} of them at one scrape`,
    remedy:
      'give the agent more CPU (CPUQuota=, CPUWeight= of its service; what else runs on the host), or raise web.scrape_timeout; /api/v1/status has the state of each',
  });
}
