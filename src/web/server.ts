/** The HTTP server: node:http, within limits that a slow or hostile client cannot stretch. */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import './light-fetch.ts';
import { getRequestListener } from '@hono/node-server';
import type { WebTls } from '../config/web-file.ts';
import { HuatuoError } from '../error.ts';
import type { ConnectionCounts } from '../storage/prometheus/own.ts';
import type { App } from './app.ts';
import { Connections } from './connections.ts';
import { isAcceptable, tlsContext, tlsOptions } from './tls.ts';

const ANY_IPV6 = '::';
const ANY_IPV4 = '0.0.0.0';
/** The host has no such address family, or not this address of a name it knows. */
const NOT_HERE: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

/** Before the path of a target in absolute form, which servers have to take (RFC 9112, 3.2.2). */
const ORIGIN = /^https?:\/\/((?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{0,5})?)(?=[/?]|$)/i;

/** How long a client may take, in milliseconds, and how much it may say. */
export interface Limits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  /** How often the first two are looked at: Node does it every 30 s unless told otherwise, which lets them overrun by that. */
  readonly connectionsCheckingInterval: number;
  readonly maxHeaderSize: number;
}

const LIMITS: Limits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 2_500,
  maxHeaderSize: 8 * 1024,
};

export interface ServerOptions {
  /** Host name or address without brackets. */
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly app: App;
  /** Without it, plain HTTP. */
  readonly tls?: WebTls | undefined;
  /** In place of the usual ones. */
  readonly limits?: Partial<Limits>;
  onError(error: unknown): void;
}

export interface Listening {
  readonly address: string;
  readonly port: number;
  /** The others of a name that stands for several. */
  readonly also?: readonly string[];
}

/** Disposing of it stops accepting and ends every connection. */
export interface HttpServer extends AsyncDisposable {
  readonly listening: Listening;
  readonly connections: ConnectionCounts;
  /** Connections from now on get these certificates; whether there is TLS, and who must show one, stays. */
  setTls(tls: WebTls): void;
}

/**
 * Binds the address, or every address that the name stands for, and answers from then on. All interfaces are those of IPv4
 * on a host without IPv6.
 * @throws PORT_IN_USE, or LISTEN_FAILED for an address that is not this host's or not permitted
 */
export async function listen({ host, port, app, tls, limits, onError }: ServerOptions): Promise<HttpServer> {
  const answer = getRequestListener(app.fetch, { hostname: 'localhost' });
  const connections = new Connections();
  const onRequest: RequestListener = (request, response) => {
    connections.answer(request.socket, response);
    // The adapter makes a URL of host and target, and where that fails or changes the host (long forms of IPv6) it answers
    // with an empty 400. The app reads the host from the raw headers, and a target that is no path shall get the app's 404.
    delete request.headers.host;
    const [origin = '', authority] = ORIGIN.exec(request.url ?? '') ?? [];
    // What stands in the target counts as the host that is asked, and is looked at beside the header.
    if (authority !== undefined) request.rawHeaders.push('Host', authority);
    request.url = (request.url ?? '')
      .slice(origin.length)
      .replace(/^(?!\/)/, '/')
      .replaceAll('\\', '%5C');
    void answer(request, response);
  };
  const addresses = await addressesOf(host, port);
  const servers: (Server | TlsServer)[] = [];
  let chosenPort = port;
  let failure: unknown;
  for (const address of addresses) {
    const server = create({ ...LIMITS, ...limits }, tls, onRequest);
    server.on('connection', (socket) => connections.admit(socket));
    try {
      chosenPort = await bind(server, address, chosenPort);
      // After that only accept(2) can fail (no descriptor left); the next connection tries again.
      server.on('error', onError);
      servers.push(server);
    } catch (cause) {
      failure = cause;
      if (NOT_HERE.has((cause as NodeJS.ErrnoException).code ?? '')) continue;
      await closeAll(servers);
      throw listenError(address, port, cause as NodeJS.ErrnoException);
    }
  }
  const [first, ...others] = servers.map((server) => (server.address() as AddressInfo).address);
  if (first === undefined) throw listenError(host, port, failure as NodeJS.ErrnoException);
  return {
    listening: { address: first, port: chosenPort, ...(others.length > 0 && { also: others }) },
    connections,
    setTls: (changed) => {
      for (const server of servers) if (isTls(server)) server.setSecureContext(tlsContext(changed));
    },
    [Symbol.asyncDispose]: () => closeAll(servers),
  };
}

function create(limits: Limits, tls: WebTls | undefined, onRequest: RequestListener): Server | TlsServer {
  if (!tls) return createServer(limits, onRequest);
  const server = createTlsServer(
    { ...limits, ...tlsOptions(tls), handshakeTimeout: limits.headersTimeout },
    onRequest,
  );
  return server.on('secureConnection', (socket) => {
    if (!isAcceptable(socket, tls.clientAuth)) socket.destroy();
  });
}

function isTls(server: Server | TlsServer): server is TlsServer {
  return 'setSecureContext' in server;
}

/** @returns the port, which the kernel may have chosen */
async function bind(server: Server, address: string, port: number): Promise<number> {
  server.listen(port, address);
  try {
    await once(server, 'listening');
  } catch (cause) {
    if (address !== ANY_IPV6 || (cause as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw cause;
    server.listen(port, ANY_IPV4);
    await once(server, 'listening');
  }
  return (server.address() as AddressInfo).port;
}

/** @throws LISTEN_FAILED for a name that no address is known of */
async function addressesOf(host: string, port: number): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true });
    return [...new Set(found.map(({ address }) => address))];
  } catch (cause) {
    throw listenError(host, port, cause as NodeJS.ErrnoException);
  }
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      const closed = server[Symbol.asyncDispose]();
      server.closeAllConnections();
      await closed;
    }),
  );
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
