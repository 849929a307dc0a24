/** The end of a port to the Prometheus worker where a collector's metrics are. */
import type { MessagePort } from 'node:worker_threads';
import { HuatuoError } from '../error.ts';
import type { MetricsAnswer } from '../sdk/metrics.ts';
import type { ScrapeReply, ScrapeRequest } from '../storage/prometheus/protocol.ts';

/** What can be scraped. */
export interface Scraped {
  /** As in the reply `ready`. */
  readonly changes?: Int32Array<SharedArrayBuffer> | undefined;
  /** Whether the newest answer does not last, although nothing changes. */
  readonly mayExpire?: boolean;
  /** Refreshes the collector's instruments and returns what they hold. @param known as in `ScrapeRequest` */
  collect(known: string | undefined): Promise<MetricsAnswer>;
}

/**
 * Answers every scrape on `port` until it is closed; a failure is an answer too.
 * @param ready settles when there is something to ask for
 */
export function answerScrapes(port: MessagePort, ready: Promise<void>, scraped: Scraped): void {
  const { changes } = scraped;
  void ready.then(() => port.postMessage({ type: 'ready', changes } satisfies ScrapeReply));
  port.on('message', async (request: ScrapeRequest) => port.postMessage(await answer(request, scraped)));
}

async function answer({ id, known }: ScrapeRequest, scraped: Scraped): Promise<ScrapeReply> {
  try {
    const collected = await scraped.collect(known);
    return { type: 'samples', id, answer: collected, expires: scraped.mayExpire ?? false };
  } catch (error) {
    return { type: 'failed', id, error: HuatuoError.toWire(error) };
  }
}

/** For one thread to count in what another one looks at. */
export function allocateChanges(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}
