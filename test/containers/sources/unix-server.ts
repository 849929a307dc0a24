/** A server on a unix socket in a directory of its own, which knows who is still connected. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class UnixServer implements AsyncDisposable {
  readonly path: string;
  readonly #directory: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** Connections so far. */
  accepted = 0;

  private constructor(server: Server) {
    this.#directory = mkdtempSync(join(tmpdir(), 'huatuo-socket-'));
    this.path = join(this.#directory, 'it.sock');
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.accepted++;
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#open.delete(socket));
    });
  }

  /** Answers HTTP. */
  static http(listener: RequestListener): Promise<UnixServer> {
    return new UnixServer(createHttp(listener)).#listen();
  }

  /** Answers HTTP/2 without TLS. */
  static http2(
    answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  ): Promise<UnixServer> {
    const server = createHttp2();
    server.on('session', (session) => session.on('error', () => undefined));
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => undefined);
      answer(stream, headers);
    });
    return new UnixServer(server).#listen();
  }

  /** Does with each connection what the test wants; without `connected`, accepts and says nothing. */
  static raw(connected: (socket: Socket) => void = (socket) => socket.resume()): Promise<UnixServer> {
    return new UnixServer(createServer({ allowHalfOpen: false }, connected)).#listen();
  }

  async #listen(): Promise<UnixServer> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(this.path, resolve);
    await promise;
    return this;
  }

  /** Resolves when no client is connected any more; hangs, until the test times out, while one is. */
  async deserted(): Promise<void> {
    assert.ok(this.accepted > 0, 'nobody came at all');
    while (this.#open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#open) socket.destroy();
    await closed;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
