/** One cluster: who it is, and the questions that are asked of it beside bulk requests. */
import { bulkPath } from './bulk.ts';
import type { ShippingConfig } from './config.ts';
import { targetName } from './config.ts';
import { Connection, type Reply, type Request } from './connection.ts';
import { Refused } from './failure.ts';

export interface Product {
  readonly name: 'elasticsearch' | 'opensearch';
  /** As the server says it; empty when it does not tell. */
  readonly version: string;
  readonly major: number;
  readonly minor: number;
}

/** Ids in one question; the server bounds what one answer may hold to 10,000. */
const MAX_IDS = 5000;

export class Server {
  readonly config: ShippingConfig;
  readonly #connection: Connection;
  #product: Product | undefined;

  constructor(config: ShippingConfig) {
    this.config = config;
    this.#connection = new Connection(config);
  }

  get host(): string {
    return this.#connection.host;
  }

  /** As of the last question. */
  get known(): Product | undefined {
    return this.#product;
  }

  /** @throws Unavailable, Refused */
  async product(signal?: AbortSignal): Promise<Product> {
    const reply = await this.send({ method: 'GET', path: '/', ...(signal && { signal }) });
    // A node that does not serve this page, or not to this user, is still known by a header.
    if (reply.status >= 400 && (reply.status === 401 || reply.headers['x-elastic-product'] === undefined))
      throw this.refused('to learn which server this is', reply);
    const product = identify(reply);
    // A proxy or a page to log in answers, too.
    if (product.version === '' && reply.headers['x-elastic-product'] === undefined)
      throw this.refused('to say that it is Elasticsearch or OpenSearch', reply);
    this.#product = product;
    return product;
  }

  /** @throws Unavailable */
  send(request: Request): Promise<Reply> {
    return this.#connection.send(request);
  }

  /**
   * One request that must succeed.
   * @param what completes "expected …" of the error
   * @throws Unavailable, Refused
   */
  async ask(what: string, request: Request): Promise<unknown> {
    const reply = await this.send(request);
    if (reply.status >= 400) throw this.refused(what, reply);
    return parse(reply.body);
  }

  bulk(tracer: string, body: Buffer, signal: AbortSignal): Promise<Reply> {
    return this.send({
      method: 'POST',
      path: bulkPath(targetName(this.config, tracer)),
      body,
      contentType: 'application/x-ndjson',
      signal,
    });
  }

  /**
   * Which of these ids a tracer's data stream has, in any of its backing indices.
   * @throws Unavailable, Refused; also when a shard could not be asked
   */
  async existing(tracer: string, ids: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const target = `/${encodeURIComponent(targetName(this.config, tracer))}`;
    const found = new Set<string>();
    // What was accepted a moment ago is not searchable before a refresh.
    const refreshed = await this.send({ method: 'POST', path: `${target}/_refresh`, signal });
    if (refreshed.status === 404) return found;
    const { _shards } = (parse(refreshed.body) ?? {}) as { _shards?: { failed?: number } };
    if (refreshed.status >= 400 || _shards?.failed !== 0)
      throw this.refused(`to refresh every shard of ${target.slice(1)}`, refreshed);
    for (let from = 0; from < ids.length; from += MAX_IDS) {
      const values = ids.slice(from, from + MAX_IDS);
      const answer = await this.ask(`to find ids in ${target.slice(1)}`, {
        method: 'POST',
        path: `${target}/_search?allow_partial_search_results=false&filter_path=timed_out,hits.hits._id`,
        body: JSON.stringify({ size: values.length, _source: false, query: { ids: { values } } }),
        signal,
      });
      for (const { _id } of hitsOf(answer)) found.add(_id);
    }
    return found;
  }

  refused(what: string, { status, body, headers }: Reply): Refused {
    return new Refused(`${this.host} ${what}`, status, body, headers['retry-after']);
  }

  close(): void {
    this.#connection.close();
  }
}

function identify({ body, headers }: Reply): Product {
  const { version = {} } = (parse(body) ?? {}) as { version?: { number?: unknown; distribution?: unknown } };
  const number = typeof version.number === 'string' ? version.number.slice(0, 64) : '';
  const [major = 0, minor = 0] = number.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const opensearch = version.distribution === 'opensearch' && headers['x-elastic-product'] === undefined;
  return { name: opensearch ? 'opensearch' : 'elasticsearch', version: number, major, minor };
}

/** @returns undefined for what is no JSON */
export function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function hitsOf(answer: unknown): readonly { readonly _id: string }[] {
  const { timed_out, hits } = (answer ?? {}) as { timed_out?: boolean; hits?: { hits?: { _id: string }[] } };
  if (timed_out !== false) throw new Refused('a complete search', 503, Buffer.alloc(0), undefined);
  return hits?.hits ?? [];
}
