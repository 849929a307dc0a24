/** The HTTP server: node:http, within limits that a slow or hostile client cannot stretch. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { HuatuoError } from '../error.ts';
import type { App } from './app.ts';

const MAX_CONNECTIONS = 64;
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 60_000,
  maxHeaderSize: 8 * 1024,
};

export interface ServerOptions {
  /** Host name or address without brackets. */
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly app: App;
  onError(error: unknown): void;
}

export interface Listening {
  readonly address: string;
  readonly port: number;
}

/** Disposing of it stops accepting and ends every connection. */
export interface HttpServer extends AsyncDisposable {
  readonly listening: Listening;
}

/**
 * Binds the address and answers from then on.
 * @throws PORT_IN_USE, or LISTEN_FAILED for an address that is not this host's or not permitted
 */
export async function listen({ host, port, app, onError }: ServerOptions): Promise<HttpServer> {
  const answer = getRequestListener(app.fetch, { hostname: 'localhost' });
  const server = createServer(LIMITS, (request, response) => {
    // The adapter makes a URL of host and target, and where that fails or changes the host (long forms of IPv6) it answers
    // with an empty 400. No page depends on the host, and a target that is no path shall get the app's 404.
    delete request.headers.host;
    request.url = request.url?.replace(/^(?!\/)/, '/').replaceAll('\\', '%5C') ?? '/';
    void answer(request, response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw listenError(host, port, cause as NodeJS.ErrnoException);
  }
  // After that only accept(2) can fail (no descriptor left); the next connection tries again.
  server.on('error', onError);
  const bound = server.address() as AddressInfo;
  return {
    listening: { address: bound.address, port: bound.port },
    async [Symbol.asyncDispose]() {
      const closed = server[Symbol.asyncDispose]();
      server.closeAllConnections();
      await closed;
    },
  };
}

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): HuatuoError {
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
