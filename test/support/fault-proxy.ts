/** An HTTP proxy on loopback that does to requests what networks and servers in trouble do. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';

export type Fault =
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection breaks before the server has seen the request. */
  | { readonly kind: 'reset' }
  /** The server does its work, and the connection breaks before the answer. */
  | { readonly kind: 'lost answer' }
  /** The server does its work, and its answer stops in the middle. */
  | { readonly kind: 'cut answer' }
  /** The server does its work; its answer goes on for ever. */
  | { readonly kind: 'endless answer' }
  /** The server does not see the request. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export class FaultProxy implements AsyncDisposable {
  /** What becomes of a request; undefined lets it pass. */
  fault: (request: ProxiedRequest) => Fault | undefined = () => undefined;
  /** Called when the server has answered, before the answer goes on. */
  answered: (request: ProxiedRequest) => void | Promise<void> = () => undefined;
  readonly requests: ProxiedRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: () => string;

  readonly #tls: boolean;

  private constructor(target: () => string, tls: TlsOptions | undefined) {
    this.#target = target;
    this.#tls = tls !== undefined;
    const serve = (incoming: IncomingMessage, outgoing: ServerResponse): void =>
      void this.#serve(incoming, outgoing);
    this.#server = tls ? createTlsServer(tls, serve) : createServer(serve);
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** @param target URL of the server @param tls certificate and key, and what is asked of clients */
  static async start(target: () => string, tls?: TlsOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, tls);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http${this.#tls ? 's' : ''}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get bulks(): readonly ProxiedRequest[] {
    return this.requests.filter(isBulk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const { method = '', url: path = '', headers } = incoming;
      const proxied = { method, path, headers, body: Buffer.concat(chunks) };
      this.requests.push(proxied);
      const fault = this.fault(proxied);
      if (fault?.kind === 'delay') await sleep(fault.ms);
      if (fault?.kind === 'reset') return void incoming.socket.destroy();
      if (fault?.kind === 'status') {
        outgoing.writeHead(fault.status, fault.headers).end(fault.body ?? '');
        return;
      }
      const answer = await forward(this.#target(), proxied);
      await this.answered(proxied);
      await reply(answer, fault, outgoing);
    } catch {
      // The server or the client is gone.
      incoming.socket.destroy();
    }
  }
}

export function isBulk({ path }: ProxiedRequest): boolean {
  return /\/_bulk(\?|$)/.test(path);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

function forward(target: string, { method, path, headers, body }: ProxiedRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request(target + path, {
    method,
    headers: { ...headers, connection: 'close' },
    agent: false,
  });
  outgoing.on('error', reject);
  outgoing.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('error', reject);
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
    );
  });
  outgoing.end(body);
  return promise;
}

async function reply(
  { status, headers, body }: Answer,
  fault: Fault | undefined,
  outgoing: ServerResponse,
): Promise<void> {
  const { 'transfer-encoding': _, connection: __, ...kept } = headers;
  switch (fault?.kind) {
    case 'lost answer':
      outgoing.destroy();
      return;
    case 'cut answer':
      outgoing.writeHead(status, { ...kept, 'content-length': String(body.length) });
      outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => outgoing.destroy());
      return;
    case 'endless answer': {
      const { 'content-length': ___, ...endless } = kept;
      outgoing.writeHead(status, endless);
      while (!outgoing.destroyed) {
        outgoing.write(' ');
        await sleep(20);
      }
      return;
    }
    default:
      outgoing.writeHead(status, { ...kept, 'content-length': String(body.length) }).end(body);
  }
}
