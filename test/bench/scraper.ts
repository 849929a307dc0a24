/** Asks for a metrics page as Prometheus does: over one connection, OpenMetrics before text, compressed. */
import { Agent, get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const HEADERS = {
  accept:
    'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  'accept-encoding': 'gzip',
};

export class Scraper {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, headers: Readonly<Record<string, string>> = HEADERS) {
    this.#url = url;
    this.#headers = headers;
  }

  /** @returns the body as it came, and how long that took */
  async scrape(): Promise<{ readonly body: Buffer; readonly encoding: string; readonly latency_ms: number }> {
    const started = performance.now();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(this.#url, { agent: this.#agent, headers: this.#headers }, resolve).once('error', reject);
    });
    const body = await buffer(response);
    const latency_ms = performance.now() - started;
    if (response.statusCode !== 200) throw new Error(`${this.#url} answers ${response.statusCode}: ${body}`);
    return { body, encoding: response.headers['content-encoding'] ?? 'identity', latency_ms };
  }

  /** How many samples the page has. */
  async samples(): Promise<number> {
    const { body, encoding } = await this.scrape();
    const text = encoding === 'gzip' ? await promisify(gunzip)(body) : body;
    return text.toString().match(/^[a-zA-Z_:]/gm)?.length ?? 0;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
