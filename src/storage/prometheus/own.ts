/** Metrics of the Prometheus thread itself: HTTP, event streams, and what it refused. */
import { counter, gauge, histogram, type OwnFamily, type Sample } from './own-family.ts';

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

type Labels = Readonly<Record<string, string>>;
const DURATION_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5];

interface Durations {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
}

export class OwnMetrics {
  readonly #requests = new Counts();
  readonly #durations = new Map<string, Durations>();
  readonly #refusedFamilies = new Counts();
  readonly #streams: () => StreamCounts;
  #connections: ConnectionCounts | undefined;
  #refusedScrapes = 0;

  /** @param streams clients of the event stream: asked at each scrape */
  constructor(streams: () => StreamCounts) {
    this.#streams = streams;
  }

  /** @param connections of the HTTP server: asked at each scrape */
  addConnections(connections: ConnectionCounts): void {
    this.#connections = connections;
  }

  /** @param route one of a fixed set; the method is the client's word and is folded */
  countReply(route: string, method: string, status: number, seconds: number): void {
    const known = method === 'GET' || method === 'HEAD' ? method : 'other';
    this.#requests.add({ route, method: known, status: String(status) });
    const key = `${route} ${known}`;
    let durations = this.#durations.get(key);
    if (!durations) {
      const counts = [...DURATION_BOUNDS, Number.POSITIVE_INFINITY].map(() => 0);
      durations = { labels: { route, method: known }, counts, sum: 0 };
      this.#durations.set(key, durations);
    }
    const above = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
    durations.counts[above === -1 ? DURATION_BOUNDS.length : above]! += 1;
    durations.sum += seconds;
  }

  countRefusedFamily(collector: string): void {
    this.#refusedFamilies.add({ collector });
  }

  countRefusedScrape(): void {
    this.#refusedScrapes++;
  }

  /** What is on every page. */
  get families(): OwnFamily[] {
    return [
      counter(
        'huatuo_scrape_refused_families_total',
        'Metric families left out of the page because they were malformed or their name was taken.',
        this.#refusedFamilies.samples,
      ),
      counter(
        'huatuo_scrapes_refused_total',
        'Scrapes that were told to come again because too many were being answered.',
        [{ labels: {}, value: this.#refusedScrapes }],
      ),
    ];
  }

  /** What is only on the page of the agent. */
  get details(): OwnFamily[] {
    const { clients, cut, refused } = this.#streams();
    const { open, ended } = this.#connections ?? {};
    return [
      counter('huatuo_http_server_requests_total', 'HTTP requests answered.', this.#requests.samples),
      histogram(
        'huatuo_http_server_request_duration_seconds',
        'Time to answer an HTTP request, in seconds.',
        DURATION_BOUNDS,
        [...this.#durations.values()],
      ),
      gauge('huatuo_event_stream_clients', 'Clients of the event stream.', [{ labels: {}, value: clients }]),
      counter(
        'huatuo_event_stream_ended_total',
        'Clients of the event stream that were cut off because they took nothing, or refused because there were too many.',
        [
          { labels: { reason: 'slow' }, value: cut },
          { labels: { reason: 'too_many' }, value: refused },
        ],
      ),
      gauge(
        'huatuo_http_server_connections',
        'Connections that are open.',
        open === undefined ? [] : [{ labels: {}, value: open }],
      ),
      counter(
        'huatuo_http_server_connections_ended_total',
        'Connections that were ended to make room for another client, because they were idle or their answer was not taken; or refused because all others were being answered.',
        Object.entries(ended ?? {}).map(([reason, value]) => ({ labels: { reason }, value })),
      ),
    ];
  }
}

/** A counter with labels. */
class Counts {
  readonly #counts = new Map<string, { readonly labels: Labels; value: number }>();

  add(labels: Labels): void {
    const key = JSON.stringify(labels);
    const known = this.#counts.get(key);
    if (known) known.value++;
    else this.#counts.set(key, { labels, value: 1 });
  }

  get samples(): Sample[] {
    return [...this.#counts.values()];
  }
}
