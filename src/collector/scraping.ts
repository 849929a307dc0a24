/** A collector's end of the port to the Prometheus worker. */
import type { MessagePort } from 'node:worker_threads';
import { HuatuoError } from '../error.ts';
import type { MetricsAnswer } from '../sdk/metrics.ts';
import type { ScrapeReply, ScrapeRequest } from '../storage/prometheus/protocol.ts';

/** Refreshes the collector's instruments and returns what they hold. @param known as in `ScrapeRequest` */
export type Collect = (known: string | undefined) => Promise<MetricsAnswer>;

/**
 * Answers every scrape on `port` until it is closed; a failure is an answer too.
 * @param ready settles when there is something to ask for
 */
export function answerScrapes(port: MessagePort, ready: Promise<void>, collect: Collect): void {
  void ready.then(() => port.postMessage({ type: 'ready' } satisfies ScrapeReply));
  port.on('message', async (request: ScrapeRequest) => port.postMessage(await answer(request, collect)));
}

async function answer({ id, known }: ScrapeRequest, collect: Collect): Promise<ScrapeReply> {
  try {
    return { type: 'samples', id, answer: await collect(known) };
  } catch (error) {
    return { type: 'failed', id, error: HuatuoError.toWire(error) };
  }
}
