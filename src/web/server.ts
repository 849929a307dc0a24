/**
 * The HTTP server: node:http, within limits that a slow or hostile client cannot range.
 *
 * Answers are small and finished before the first byte is sent, requests have no body, so a connection costs a socket
 * and at most one reply.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HuatuoError } from '../error.ts';
import { failure, type Reply } from './reply.ts';
import { dispatch, type Routed, type Routes, type Sender } from './router.ts';

const MAX_CONNECTIONS = 64;
/** Requests being answered at the same time; one more is told to come back. */
const MAX_PARALLEL = 40;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;
const MAX_HEADER_BYTES = 8 * 1024;

export interface ServerOptions {
  /** Host name or address without brackets. */
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly routes: Routes;
  onError(error: unknown): void;
  /** Called once for each answer. */
  onReply(route: string, method: string, status: number, seconds: number): void;
}

export interface Listening {
  readonly address: string;
  readonly port: number;
}

export class HttpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #options: ServerOptions;
  #running = 0;

  private constructor(options: ServerOptions) {
    this.#options = options;
    const limits = {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    this.#server = createServer(limits, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * Binds the address and answers from then on.
   * @throws PORT_IN_USE, or LISTEN_FAILED for an address that is not this host's or not permitted
   */
  static async listen(options: ServerOptions): Promise<HttpServer> {
    const made = new HttpServer(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    made.#server.once('error', reject);
    made.#server.listen(options.port, options.host, resolve);
    try {
      await promise;
    } catch (cause) {
      throw listenError(options, cause as NodeJS.ErrnoException);
    }
    made.#server.off('error', reject);
    // After that only accept(2) can fail (no descriptor left); the next connection tries again.
    made.#server.on('error', options.onError);
    return made;
  }

  get listening(): Listening {
    const { address, port } = this.#server.address() as AddressInfo;
    return { address, port };
  }

  /** Stops accepting and ends every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    const method = request.method ?? '';
    const sender = { address: request.socket.remoteAddress ?? '', origin: request.headers.origin };
    const { reply, route } = await this.#route(method, request.url ?? '', sender);
    send(response, reply, method === 'HEAD');
    this.#options.onReply(route, method, reply.status, (performance.now() - started) / 1000);
  }

  async #route(method: string, url: string, sender: Sender): Promise<Routed> {
    if (this.#running >= MAX_PARALLEL) {
      const busy = `${MAX_PARALLEL} requests are being answered already`;
      return { reply: failure(503, 'BUSY', busy, { 'retry-after': '1' }), route: 'other' };
    }
    this.#running++;
    try {
      return await dispatch(this.#options.routes, method, url, sender, this.#options.onError);
    } finally {
      this.#running--;
    }
  }
}

function send(response: ServerResponse, reply: Reply, headOnly: boolean): void {
  const body = Buffer.from(reply.body);
  response.writeHead(reply.status, {
    'content-type': reply.contentType,
    'content-length': body.length,
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...reply.headers,
  });
  response.end(headOnly ? undefined : body);
}

function listenError({ host, port }: ServerOptions, cause: NodeJS.ErrnoException): HuatuoError {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  if (cause.code === 'EADDRINUSE')
    return new HuatuoError('PORT_IN_USE', {
      expected: `a free port at ${address}`,
      found: 'another process listening there',
      remedy: 'stop it (ss -ltnp shows which), or choose another address with --web.listen-address',
      cause,
    });
  return new HuatuoError('LISTEN_FAILED', {
    expected: `an address of this host that may be listened on, ${address}`,
    found: cause.code ?? cause.message,
    remedy: 'choose another address with --web.listen-address',
    cause,
  });
}
