/**
 * What the way to Elasticsearch costs: the actor's CPU at a steady rate, against a server that only takes; how fast a real node takes
 * documents; a backlog beside new documents; compression of segments; reading them back.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ElasticsearchStatus } from '../../src/storage/elasticsearch/status.ts';
import { readEvents } from '../../src/storage/journal/events.ts';
import { parseFilter } from '../../src/storage/journal/filter.ts';
import { type Compression, Journal } from '../../src/storage/journal/journal.ts';
import { config, documentLine, stored } from '../storage/elasticsearch/fixture.ts';
import { findServer, SearchServer } from '../support/search-server/server.ts';
import { cpuSeconds, resident } from './proc-usage.ts';
import { atMost, type Row } from './report.ts';
import type { BenchOptions } from './workspace.ts';

const RATE = 20_000;
const GOAL_CORES = 0.25;
const SYMBOLS = [
  'do_syscall_64',
  'net_rx_action',
  'handle_softirqs',
  'schedule',
  'ksys_read',
  'tcp_v4_rcv',
  'vfs_read',
];
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const MB = 1e6;

/** A document of the size and with the variety of those of softirq, about 750 bytes. */
function line(number: number): string {
  const stack = Array.from(
    { length: 6 },
    (_, depth) =>
      `${SYMBOLS[(number * 7 + depth * 3) % SYMBOLS.length]}+0x${((number * 31 + depth) % 4096).toString(16)}/0x1000`,
  );
  const data = {
    latency_ns: (number * 7919) % 100_000_000,
    cpu: number % 64,
    comm: `worker-${number % 97}`,
    vector: 'NET_RX',
    stack,
  };
  return documentLine(number, { tracer: 'softirq', data });
}

function lines(first: number, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => line(first + index)).join(''));
}

/** A journal of its own, and documents written into it. */
class Source implements AsyncDisposable {
  readonly path: string;
  journal: Journal;
  written = 0;
  bytes = 0;

  constructor(directory: string) {
    this.path = mkdtempSync(join(directory, 'huatuo-shipping-'));
    this.journal = this.#open('off');
  }

  /** Opens it anew, which compresses what is full. */
  async compress(): Promise<void> {
    await this.journal.close();
    this.journal = this.#open('sealed');
    await this.journal.packed();
  }

  #open(compression: Compression): Journal {
    const sizes = { segment_bytes: 64 << 20, segments: 1000, total_bytes: 2 ** 36 };
    return new Journal({ directory: this.path, ...sizes, fsync_interval_ms: 1000, compression }, SILENT);
  }

  write(count: number): void {
    const text = lines(this.written, count);
    this.journal.append('softirq', text, count);
    this.written += count;
    this.bytes += text.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.journal.close();
    rmSync(this.path, { recursive: true, force: true });
  }
}

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
  return [await steadyRate(options), ...(await realServer(options)), ...(await compression(options))];
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
  await using source = new Source(directory);
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
  await using source = new Source(directory);
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

async function compression({ directory, shipping_megabytes, progress }: BenchOptions): Promise<Row[]> {
  progress('shipping: compression and reading');
  await using source = new Source(directory);
  while (source.bytes < shipping_megabytes * MB) source.write(5000);
  const rows = await reading(source, 'plain');
  const before = process.cpuUsage();
  await source.compress();
  const { user, system } = process.cpuUsage(before);
  const { bytes_before = 1, bytes_after = 1, segments = 0 } = (await source.journal.packed()) ?? {};
  rows.push({
    name: 'compress full segments',
    measured: `${segments} of 64 MiB, ${(bytes_before / bytes_after).toFixed(1)} : 1, ${(((user + system) / 1e3 / bytes_before) * MB).toFixed(1)} ms of CPU for each MB`,
    verdict: 'info',
  });
  return [...rows, ...(await reading(source, 'compressed'))];
}

/** `huatuo events` without its output. */
async function reading(source: Source, kind: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, filter] of [
    [`read ${kind} segments, every document`, ''],
    [`read ${kind} segments, one document in 64`, 'tracer_data.cpu == 7 && tracer_data.latency_ns > 0'],
    [`read ${kind} segments, one document of all`, `tracer_data.victim.pid == ${source.written - 17}`],
  ] as const) {
    const conditions = filter === '' ? [] : parseFilter(filter);
    const query = { tracers: [], conditions, follow: false };
    const began = performance.now();
    let found = 0;
    for await (const { events } of readEvents(source.path, query, AbortSignal.timeout(600_000)))
      found += events.length;
    const seconds = (performance.now() - began) / 1000;
    rows.push({
      name,
      measured: `${Math.round(source.bytes / MB / seconds)} MB/s, ${found} found`,
      verdict: 'info',
    });
  }
  return rows;
}
