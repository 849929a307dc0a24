/**
 * What the way to Elasticsearch costs: the actor's CPU at a steady rate, against a server that only takes; how fast a real node takes
 * documents; a backlog beside new documents.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ElasticsearchStatus } from '../../src/storage/elasticsearch/status.ts';
import { config, stored } from '../storage/elasticsearch/fixture.ts';
import { findServer, SearchServer } from '../support/search-server/server.ts';
import { JournalSource } from './journal-source.ts';
import { cpuSeconds, resident } from './proc-usage.ts';
import { atMost, type Row } from './report.ts';
import type { BenchOptions } from './workspace.ts';

const RATE = 20_000;
const GOAL_CORES = 0.25;
const MB = 1e6;

class ActorProcess implements AsyncDisposable {
  readonly #child;

  constructor(journal: string, url: string, setup: boolean) {
    const settings = config(url, { setup, bulk_bytes: 4 << 20, bulk_documents: 5000, flush_ms: 1000 });
    this.#child = fork(
      new URL('shipping-actor.js', import.meta.url),
      [JSON.stringify({ config: settings, journal })],
      {
        execArgv: ['--single-threaded-gc'],
      },
    );
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Documents that were delivered. */
  async delivered(): Promise<number> {
    this.#child.send('status');
    const [status] = (await once(this.#child, 'message')) as [ElasticsearchStatus];
    return status.streams[0]?.sequence ?? 0;
  }

  async until(count: number): Promise<void> {
    while ((await this.delivered()) < count) await sleep(100);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }
}

export async function benchShipping(options: BenchOptions): Promise<Row[]> {
  return [await steadyRate(options), ...(await realServer(options))];
}

async function steadyRate({ directory, flood_seconds, progress }: BenchOptions): Promise<Row> {
  progress(`shipping: ${RATE} documents/s for ${flood_seconds} s, to a server that only takes`);
  const sink = createServer((request, response) => {
    request.resume().on('end', () => {
      const path = request.url ?? '';
      const bulk = path.includes('_bulk') ? '{"errors":false}' : '{"_shards":{"failed":0},"timed_out":false}';
      response.setHeader('content-type', 'application/json').end(bulk);
    });
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  await using source = new JournalSource(directory);
  await using actor = new ActorProcess(
    source.path,
    `http://127.0.0.1:${(sink.address() as AddressInfo).port}`,
    false,
  );
  source.write(RATE);
  await actor.until(source.written);
  // The first documents after a start are asked for before they are sent; that is over after 50,000.
  for (let n = 0; n < 4; n++) source.write(RATE);
  await actor.until(source.written);
  const began = performance.now();
  const cpu = cpuSeconds(actor.pid);
  for (let slice = 0; slice < flood_seconds * 10; slice++) {
    source.write(RATE / 10);
    await sleep(Math.max(0, began + (slice + 1) * 100 - performance.now()));
  }
  await actor.until(source.written);
  const seconds = (performance.now() - began) / 1000;
  const cores = (cpuSeconds(actor.pid) - cpu) / flood_seconds;
  const { total_bytes } = resident(actor.pid);
  sink.close();
  sink.closeAllConnections();
  return {
    name: `ship ${RATE} documents/s of ${Math.round(source.bytes / source.written)} bytes`,
    measured: `${(100 * cores).toFixed(1)} % of a core, compression included; all there after ${seconds.toFixed(1)} s; RSS of the process ${Math.round(total_bytes / MB)} MB`,
    goal: `≤ ${100 * GOAL_CORES} %`,
    ...atMost(cores, GOAL_CORES),
  };
}

async function realServer({ directory, shipping_megabytes, progress }: BenchOptions): Promise<Row[]> {
  const found = await findServer('elasticsearch-8');
  if ('missing' in found)
    return [{ name: 'ship to Elasticsearch', measured: found.missing, verdict: 'skipped' }];
  await using server = await SearchServer.start(found, { heap: '512m' });
  await using source = new JournalSource(directory);
  while (source.bytes < shipping_megabytes * MB) source.write(5000);
  const backlog = source.written;
  progress(`shipping: a backlog of ${shipping_megabytes} MB, ${backlog} documents, beside 1000/s`);
  await using actor = new ActorProcess(source.path, server.url, true);
  const began = performance.now();
  const cpu = cpuSeconds(actor.pid);
  const serverCpu = cpuSeconds(server.pid);
  const input = setInterval(() => source.write(100), 100);
  await actor.until(backlog);
  clearInterval(input);
  const seconds = (performance.now() - began) / 1000;
  const delivered = await actor.delivered();
  const used = cpuSeconds(actor.pid) - cpu;
  const serverUsed = cpuSeconds(server.pid) - serverCpu;
  const { total_bytes } = resident(actor.pid);
  await actor.until(source.written);
  const { documents, events } = await stored(server, 'logs-huatuo.softirq-test');
  const exact = documents === source.written && events === source.written;
  return [
    {
      name: `drain ${shipping_megabytes} MB into Elasticsearch beside 1,000/s`,
      measured: `${seconds.toFixed(0)} s, ${Math.round(delivered / seconds)} documents/s at ${((100 * used) / seconds).toFixed(0)} % of a core (Elasticsearch: ${((100 * serverUsed) / seconds).toFixed(0)} %); RSS ${Math.round(total_bytes / MB)} MB; ${documents} of ${source.written} there, ${events} ids`,
      verdict: exact ? 'info' : 'failed',
    },
  ];
}
