/** A collector's end of the port to the Prometheus worker. */
import type { MessagePort } from 'node:worker_threads';
import { HuatuoError } from '../error.ts';
import type { MetricFamily } from '../sdk/metrics.ts';
import type { ScrapeReply, ScrapeRequest } from '../storage/prometheus/protocol.ts';

/** Refreshes the collector's instruments and returns what they hold. */
export type Collect = () => Promise<readonly MetricFamily[]>;

/**
 * Answers every scrape on `port` until it is closed; a failure is an answer too.
 * @param ready settles when there is something to ask for
 */
export function answerScrapes(port: MessagePort, ready: Promise<void>, collect: Collect): void {
  void ready.then(() => port.postMessage({ type: 'ready' } satisfies ScrapeReply));
  port.on('message', async ({ id }: ScrapeRequest) => port.postMessage(await answer(id, collect)));
}

async function answer(id: number, collect: Collect): Promise<ScrapeReply> {
  try {
    return { type: 'samples', id, families: await collect() };
  } catch (error) {
    return { type: 'failed', id, error: HuatuoError.toWire(error) };
  }
}
