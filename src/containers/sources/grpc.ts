/**
 * Unary gRPC calls over a unix socket, on Node's HTTP/2 (PROTOCOL-HTTP2.md of grpc). There is no deadline but the end of
 * the channel: dispose of it, and every call fails and no connection is left, whatever the server does.
 */
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { answerOf } from './grpc-answer.ts';
import { framed } from './grpc-message.ts';
import { GRPC, GrpcError } from './grpc-status.ts';

const CLOSED = 'Channel closed';

export class GrpcChannel implements Disposable {
  readonly #path: string;
  readonly #maxBytes: number;
  /** More than one while calls are under way that began before a server asked, with GOAWAY, for a new connection. */
  readonly #connections = new Map<ClientHttp2Session, Socket>();
  #closed = false;

  /**
   * Connects with the first call.
   * @param path of the unix socket
   * @param maxBytes size of an answer; a longer one is refused as soon as its length is known
   */
  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  /**
   * @param method `package.Service/Method`
   * @param request the encoded message
   * @returns the encoded message of the answer
   * @throws GrpcError
   */
  async unary(method: string, request: Uint8Array): Promise<Buffer> {
    if (this.#closed) throw new GrpcError(GRPC.UNAVAILABLE, CLOSED);
    const session =
      [...this.#connections.keys()].find(({ closed, destroyed }) => !closed && !destroyed) ?? this.#connect();
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(framed(request));
    return await answerOf(stream, this.#maxBytes);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const [session, socket] of this.#connections) {
      session.destroy(new Error(CLOSED));
      // A session that has had GOAWAY does not destroy it.
      socket.destroy();
    }
  }

  #connect(): ClientHttp2Session {
    const socket = connect(this.#path);
    const session = connectHttp2('http://localhost', {
      createConnection: () => socket,
      settings: { enablePush: false },
    });
    this.#connections.set(session, socket);
    // Its calls fail with it, and tell.
    session.on('error', () => undefined);
    // A session that has had GOAWAY ends its side, and would wait for the server to end the other.
    socket.on('finish', () => socket.destroy());
    socket.on('close', () => this.#connections.delete(session));
    return session;
  }
}
