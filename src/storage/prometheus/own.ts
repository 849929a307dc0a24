/** Metrics of the Prometheus thread itself, by prom-client: the process, Node, and what this thread refused. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';

/**
 * prom-client watches the loop's lag with a timer of 10 ms, half of what the idle agent would use. The lag of the thread that
 * renders pages tells a reader nothing, so it is watched as rarely as that can be asked for, and left out of the page.
 */
const LAG_PRECISION_MS = 10_000;

/** Of the event stream, since the thread was started. */
export interface StreamCounts {
  readonly clients: number;
  readonly cut: number;
  readonly refused: number;
}

/** Of the HTTP server's connections. */
export interface ConnectionCounts {
  readonly open: number;
  readonly ended: Readonly<Record<'idle' | 'unread' | 'refused', number>>;
}

export class OwnMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter;
  readonly #durations: Histogram;
  readonly #refused: Counter;

  /** @param streams clients of the event stream: asked at each scrape */
  constructor(streams: () => StreamCounts) {
    const registers = [this.#registry];
    // process_* are of the whole process (CPU, memory, descriptors), nodejs_* of this thread.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
    for (const { name } of this.#registry.getMetricsAsArray()) {
      if (name.startsWith('nodejs_eventloop_lag_')) this.#registry.removeSingleMetric(name);
    }
    this.#requests = new Counter({
      name: 'huatuo_http_server_requests_total',
      help: 'HTTP requests answered.',
      labelNames: ['route', 'method', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'huatuo_http_server_request_duration_seconds',
      help: 'Time to answer an HTTP request, in seconds.',
      labelNames: ['route', 'method'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5],
      registers,
    });
    this.#refused = new Counter({
      name: 'huatuo_scrape_refused_families_total',
      help: 'Metric families left out of the page because they were malformed or their name was taken.',
      labelNames: ['collector'],
      registers,
    });
    this.#addStreams(streams);
  }

  #addStreams(streams: () => StreamCounts): void {
    const registers = [this.#registry];
    new Gauge({
      name: 'huatuo_event_stream_clients',
      help: 'Clients of the event stream.',
      registers,
      collect() {
        this.set(streams().clients);
      },
    });
    new Counter({
      name: 'huatuo_event_stream_ended_total',
      help: 'Clients of the event stream that were cut off because they took nothing, or refused because there were too many.',
      labelNames: ['reason'],
      registers,
      collect() {
        const { cut, refused } = streams();
        this.reset();
        this.inc({ reason: 'slow' }, cut);
        this.inc({ reason: 'too_many' }, refused);
      },
    });
  }

  /** @param connections of the HTTP server: asked at each scrape */
  addConnections(connections: ConnectionCounts): void {
    const registers = [this.#registry];
    new Gauge({
      name: 'huatuo_http_server_connections',
      help: 'Connections that are open.',
      registers,
      collect() {
        this.set(connections.open);
      },
    });
    new Counter({
      name: 'huatuo_http_server_connections_ended_total',
      help: 'Connections that were ended to make room for another client, because they were idle or their answer was not taken; or refused because all others were being answered.',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset();
        for (const [reason, count] of Object.entries(connections.ended)) this.inc({ reason }, count);
      },
    });
  }

  get metrics(): Metric[] {
    return this.#registry.getMetricsAsArray() as unknown as Metric[];
  }

  /** @param route one of a fixed set; the method is the client's word and is folded */
  countReply(route: string, method: string, status: number, seconds: number): void {
    const known = method === 'GET' || method === 'HEAD' ? method : 'other';
    this.#requests.inc({ route, method: known, status: String(status) });
    this.#durations.observe({ route, method: known }, seconds);
  }

  countRefusedFamily(collector: string): void {
    this.#refused.inc({ collector });
  }
}
