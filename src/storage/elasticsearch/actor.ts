/**
 * The Elasticsearch actor: one shipper for each tracer that has documents in the journal. It reads the journal's files and needs
 * neither the journal's thread nor a server to run.
 *
 *   <journal>/oom ──► StreamShipper ─┐
 *   <journal>/softirq ──► …          ├─ Limiter ──► Server        <journal>/.elasticsearch/   cursor.json, dead_letter/
 *                                    ┘
 */
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { withDeadline } from '../../promises.ts';
import type { Log } from '../../sdk/context.ts';
import { listSegments } from '../journal/segment.ts';
import { tracersIn } from '../journal/tracers.ts';
import { DirectoryWatch } from '../journal/watch.ts';
import type { ShippingConfig } from './config.ts';
import { Latency } from './counts.ts';
import { Cursor } from './cursor.ts';
import { DeadLetters } from './dead-letters.ts';
import { Health } from './health.ts';
import { Limiter } from './limiter.ts';
import { Server } from './server.ts';
import { Setup } from './setup.ts';
import type { ElasticsearchStatus, StreamStatus } from './status.ts';
import { type ShipperServices, StreamShipper } from './stream-shipper.ts';

/** Requests that run when it is told to end may come to theirs for so long. */
const GRACE_MS = 500;
const SEQUENCES_DEADLINE_MS = 50;

export interface ElasticsearchOptions {
  readonly config: ShippingConfig;
  /** The journal's directory. */
  readonly journal: string;
}

/** What it asks of the main thread. */
export interface ElasticsearchHost {
  /** Number that the next document of each tracer gets. */
  sequences(): Promise<Readonly<Record<string, number>>>;
}

/** What the main thread may ask of it. */
export interface ElasticsearchControl {
  /** It has its cursor and ships, or waits for a server. */
  started(): void;
  status(): Promise<ElasticsearchStatus>;
  /** The journal was started. */
  connectTo(service: string, port: MessagePort): void;
  close(): Promise<void>;
}

/** Where the actor keeps what it knows, below the journal's directory; a name that the journal leaves alone. */
export function stateDirectory(journal: string): string {
  return join(journal, '.elasticsearch');
}

export class ElasticsearchActor implements ElasticsearchControl {
  readonly #journal: string;
  readonly #host: ElasticsearchHost;
  readonly #log: Log;
  readonly #services: ShipperServices;
  readonly #shippers = new Map<string, StreamShipper>();
  readonly #runs = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();

  /** Starts shipping at once. @throws DIRECTORY_NOT_WRITABLE */
  constructor({ config, journal }: ElasticsearchOptions, host: ElasticsearchHost, log: Log) {
    this.#journal = journal;
    this.#host = host;
    this.#log = log;
    const server = new Server(config);
    const state = stateDirectory(journal);
    this.#services = {
      server,
      setup: new Setup(server),
      limiter: new Limiter(config.concurrency),
      cursor: new Cursor(state, log),
      deadLetters: new DeadLetters(state, config.dead_letter_bytes, log),
      health: new Health(log),
      latency: new Latency(),
      log,
    };
    void this.#discover();
  }

  started(): void {}

  async status(): Promise<ElasticsearchStatus> {
    const { server, limiter, health, latency, deadLetters } = this.#services;
    const sequences = await withDeadline(
      this.#host.sequences(),
      SEQUENCES_DEADLINE_MS,
      'sequence numbers',
    ).catch(() => undefined);
    const { error, state, since } = health;
    const product = server.known;
    return {
      state,
      since,
      host: server.host,
      ...(error && { error }),
      ...(product && { product: { name: product.name, version: product.version } }),
      requests_allowed: limiter.limit,
      failures: limiter.failures,
      dead_letters_expired: deadLetters.expired,
      latency: { counts: [...latency.counts], sum_seconds: latency.sum_seconds },
      streams: [...this.#shippers.values()].map((shipper) => this.#streamStatus(shipper, sequences)),
    };
  }

  connectTo(_service: string, port: MessagePort): void {
    // It reads files; that the port came says that the journal's thread is a new one.
    port.close();
    for (const shipper of this.#shippers.values()) shipper.expectRepeats().catch(() => undefined);
  }

  async close(): Promise<void> {
    const { server, limiter, deadLetters } = this.#services;
    this.#stop.abort(new Error('the agent stops'));
    await withDeadline(Promise.all(this.#runs), GRACE_MS, 'requests to Elasticsearch').catch(() => undefined);
    this.#cut.abort(new Error('the agent stops'));
    limiter.close();
    server.close();
    await Promise.all(this.#runs);
    await deadLetters.close();
  }

  async #discover(): Promise<void> {
    using watch = new DirectoryWatch(this.#journal);
    while (!this.#stop.signal.aborted) {
      for (const tracer of readableTracers(this.#journal))
        if (!this.#shippers.has(tracer)) this.#start(tracer);
      await watch.changed(this.#stop.signal);
    }
  }

  #start(tracer: string): void {
    const shipper = new StreamShipper(tracer, join(this.#journal, tracer), this.#services);
    this.#shippers.set(tracer, shipper);
    const run = shipper
      .run(this.#stop.signal, this.#cut.signal)
      .catch((error: unknown) => this.#log.error('the shipper of a tracer has ended', { tracer, error }))
      .finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  #streamStatus(
    shipper: StreamShipper,
    sequences: Readonly<Record<string, number>> | undefined,
  ): StreamStatus {
    const { tracer, counts, delivered, lag_seconds } = shipper;
    const { sequence } = delivered;
    const segments = segmentsOf(join(this.#journal, tracer));
    const first = segments[0]?.first ?? sequence;
    const behind = segments.filter((segment) => segment.first >= delivered.segment);
    const bytes = behind.reduce((sum, segment) => sum + segment.bytes, 0);
    // Of a segment that is compressed, the offset tells no bytes of the file.
    const done = behind[0]?.first === delivered.segment && behind[0].form === 'plain' ? delivered.offset : 0;
    const end = sequences?.[tracer];
    return {
      tracer,
      ...counts,
      // What is deleted already, and will be met with the next load.
      lost: counts.lost + Math.max(0, first - sequence),
      sequence,
      lag_documents: end === undefined ? null : Math.max(0, end - Math.max(sequence, first)),
      lag_bytes: Math.max(0, bytes - done),
      lag_seconds,
    };
  }
}

/** What cannot be read now is looked at again with the next change. */
function readableTracers(directory: string): string[] {
  try {
    return tracersIn(directory);
  } catch {
    return [];
  }
}

function segmentsOf(directory: string) {
  try {
    return listSegments(directory, () => undefined);
  } catch {
    return [];
  }
}
