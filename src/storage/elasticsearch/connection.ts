/**
 * Requests to one cluster, over Node's own HTTP client with connections that are kept. It costs a thread 3 MB of heap where the
 * clients of Elasticsearch and OpenSearch cost 5 to 10, serves both (each of these refuses the other's servers), and takes the bytes
 * of the journal as they are.
 *
 * A request has one deadline over everything, so a server that never ends its answer costs no more than one that is silent.
 */
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { HuatuoError } from '../../error.ts';
import type { Credentials, ElasticsearchConfig } from './config.ts';
import { Unavailable } from './failure.ts';

const compress = promisify(gzip);
/** An answer says little about each document; a longer one is no answer of such a server. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_SOCKETS = 20;
/** Before a request is worth compressing. */
const MIN_GZIP_BYTES = 1024;

export interface Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'HEAD';
  /** With query; begins with a slash. */
  readonly path: string;
  readonly body?: Buffer | string;
  /** `application/json` without it. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export class Connection {
  readonly #config: Pick<ElasticsearchConfig, 'hosts' | 'credentials' | 'compress' | 'timeout_ms'>;
  #host = 0;
  #agent: Agent | TlsAgent | undefined;
  #authorization: string | undefined;

  constructor(config: Pick<ElasticsearchConfig, 'hosts' | 'credentials' | 'compress' | 'timeout_ms'>) {
    this.#config = config;
  }

  /** The node that is asked next. */
  get host(): string {
    return this.#config.hosts[this.#host % this.#config.hosts.length] ?? '';
  }

  /**
   * One request to one node; of several, the next one gets the next request after one has failed.
   * @returns the whole answer, whatever its status
   * @throws Unavailable when there is none; a HuatuoError when a file with a secret or a certificate cannot be read
   */
  async send(request: Request): Promise<Reply> {
    const { body = '' } = request;
    const packed = this.#config.compress && body.length >= MIN_GZIP_BYTES;
    const bytes = packed ? await compress(body, { level: 1 }) : Buffer.from(body);
    const failoverFrom = this.#host;
    try {
      const reply = await this.#sendTo(this.host, request, bytes, packed);
      // Of a node that is shutting down, or a proxy without one.
      if (reply.status >= 502 && reply.status <= 504) this.#failOver(failoverFrom);
      if (reply.status === 401) this.forget();
      return reply;
    } catch (error) {
      this.#failOver(failoverFrom);
      throw error;
    }
  }

  /** Reads certificates and secrets again for the next request: they are replaced while the agent runs. */
  forget(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
    this.#authorization = undefined;
  }

  close(): void {
    this.forget();
  }

  #failOver(from: number): void {
    if (this.#host === from) this.#host = (from + 1) % this.#config.hosts.length;
  }

  #sendTo(host: string, request: Request, bytes: Buffer, packed: boolean): Promise<Reply> {
    const base = new URL(host);
    const tls = base.protocol === 'https:';
    const { credentials, timeout_ms } = this.#config;
    this.#agent ??= tls ? tlsAgent(credentials) : new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
    this.#authorization ??= authorization(credentials);
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': 'huatuo',
      ...(this.#authorization !== '' && { authorization: this.#authorization }),
      ...(bytes.length > 0 && {
        'content-type': request.contentType ?? 'application/json',
        'content-length': String(bytes.length),
      }),
      ...(packed && { 'content-encoding': 'gzip' }),
    };
    const options = {
      protocol: base.protocol,
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port || (tls ? 443 : 80),
      path: base.pathname.replace(/\/$/, '') + request.path,
      method: request.method,
      headers,
      agent: this.#agent,
    };
    return exchange(
      tls ? tlsRequest(options) : plainRequest(options),
      bytes,
      host,
      timeout_ms,
      request.signal,
    );
  }
}

/** Sends and reads one answer to its end. */
async function exchange(
  request: ReturnType<typeof plainRequest>,
  bytes: Buffer,
  host: string,
  timeout_ms: number,
  signal: AbortSignal | undefined,
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  let settled = false;
  const fail = (cause: Error): void => {
    if (settled) return;
    settled = true;
    reject(new Unavailable(host, cause));
    request.destroy();
  };
  const timer = setTimeout(() => fail(new Error(`no complete answer within ${timeout_ms} ms`)), timeout_ms);
  const abort = (): void => fail(new Error('the agent stops'));
  signal?.addEventListener('abort', abort, { once: true });
  request.on('error', fail);
  request.on('close', () => fail(new Error('the connection ended before the answer did')));
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('error', fail);
    response.on('aborted', () => fail(new Error('the answer was cut off')));
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) fail(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`));
      else chunks.push(chunk);
    });
    response.on('end', () => {
      if (!response.complete) return fail(new Error('the answer was cut off'));
      settled = true;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
    });
  });
  if (signal?.aborted) abort();
  request.end(bytes);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function tlsAgent({ ca, clientCertificate, clientKey, verify }: Credentials): TlsAgent {
  return new TlsAgent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    rejectUnauthorized: verify,
    ...(ca && { ca: read(ca, 'elasticsearch.ca') }),
    ...(clientCertificate && {
      cert: read(clientCertificate, 'elasticsearch.client_certificate'),
      key: read(clientKey || clientCertificate, 'elasticsearch.client_key'),
    }),
  });
}

/** Value of the header, empty without credentials. */
function authorization({ username, passwordFile, apiKeyFile }: Credentials): string {
  if (apiKeyFile) return `ApiKey ${read(apiKeyFile, 'elasticsearch.api_key_file').trim()}`;
  if (!username) return '';
  const password = read(passwordFile, 'elasticsearch.password_file').replace(/\r?\n$/, '');
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function read(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new HuatuoError('ELASTICSEARCH_FAILED', {
      expected: `to read ${path}, which ${key} names`,
      found: (cause as NodeJS.ErrnoException).code ?? 'an error',
      remedy: 'create it, or correct the configuration; it is tried again',
      cause,
    });
  }
}
