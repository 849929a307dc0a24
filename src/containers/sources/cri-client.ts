/** One connection to a CRI runtime, for the time of one list. */
import type { Socket } from 'node:net';
import type { ChannelCredentials, Client, ServiceError } from '@grpc/grpc-js';
import type { MethodDefinition, PackageDefinition } from '@grpc/proto-loader';
import type { HuatuoError } from '../../error.ts';
import { sourceFailed } from './answers.ts';
import { CRI_V1, type CriMethod, RUNTIME_SERVICE } from './cri-proto.ts';
import { MAX_ANSWER_BYTES } from './http-json.ts';

type Methods = Readonly<Record<CriMethod, MethodDefinition<object, object>>>;

/** gRPC's status codes that are told apart (statuscodes.md of grpc). */
export const GRPC = {
  CANCELLED: 1,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
} as const;

/**
 * The sockets of one channel. Closing a channel asks the peer to end the connection, and one that accepted and never spoke
 * does not: its socket would stay open until the runtime restarts. gRPC hands out its sockets to credentials only.
 */
class Sockets implements Disposable {
  readonly #open = new Set<Socket>();
  #closed = false;

  /** The same credentials, whose connections are noted. */
  of(credentials: ChannelCredentials): ChannelCredentials {
    const create = credentials._createSecureConnector.bind(credentials);
    credentials._createSecureConnector = (...wanted) => {
      const connector = create(...wanted);
      const connect = connector.connect.bind(connector);
      connector.connect = (socket) => {
        this.#open.add(socket);
        // The connection may be made after the channel was closed.
        if (this.#closed) socket.destroy();
        return connect(socket);
      };
      return connector;
    };
    return credentials;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const socket of this.#open) socket.destroy();
  }
}

export class CriClient implements Disposable {
  readonly #client: Client;
  readonly #methods: Methods;
  readonly #source: string;
  readonly #signal: AbortSignal;
  readonly #sockets: Sockets;

  private constructor(
    client: Client,
    sockets: Sockets,
    methods: Methods,
    source: string,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#sockets = sockets;
    this.#methods = methods;
    this.#source = source;
    this.#signal = signal;
  }

  /**
   * Loads gRPC with the first client: it costs about 11 MiB, which only hosts with a CRI socket shall pay. Connects with
   * the first call.
   * @param source for messages
   * @param signal ends every call
   */
  static async open(socket: string, source: string, signal: AbortSignal): Promise<CriClient> {
    const [{ Client, credentials }, { fromJSON }] = await Promise.all([
      import('@grpc/grpc-js'),
      import('@grpc/proto-loader'),
    ]);
    const definitions: PackageDefinition = fromJSON(CRI_V1, { keepCase: true, longs: String });
    const sockets = new Sockets();
    const client = new Client(`unix:${socket}`, sockets.of(credentials.createInsecure()), {
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      'grpc.enable_retries': 0,
      'grpc.enable_http_proxy': 0,
      // The shared pool would keep the connection after close().
      'grpc.use_local_subchannel_pool': 1,
    });
    return new CriClient(client, sockets, definitions[RUNTIME_SERVICE] as unknown as Methods, source, signal);
  }

  /**
   * @returns the answer with the field names of api.proto, 64-bit integers as decimal text
   * @throws CONTAINER_SOURCE_FAILED, its cause is gRPC's error with `code`, or the signal's reason
   */
  call(name: CriMethod, request: object): Promise<object> {
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    if (this.#signal.aborted) return Promise.reject(this.#failed(name, undefined));
    const { path, requestSerialize, responseDeserialize } = this.#methods[name];
    const call = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      (error, answer) => (answer === undefined ? reject(this.#failed(name, error)) : resolve(answer)),
    );
    const cancel = (): void => call.cancel();
    this.#signal.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => this.#signal.removeEventListener('abort', cancel));
  }

  [Symbol.dispose](): void {
    this.#client.close();
    this.#sockets[Symbol.dispose]();
  }

  #failed(name: CriMethod, error: ServiceError | null | undefined): HuatuoError {
    const wanted = `an answer to ${name}`;
    if (this.#signal.aborted) {
      const reason: unknown = this.#signal.reason;
      return sourceFailed(
        this.#source,
        wanted,
        `none until the call was given up (${(reason as Error).message})`,
        `check whether ${this.#source} hangs or is overloaded`,
        reason,
      );
    }
    return sourceFailed(this.#source, wanted, this.#found(error), this.#remedy(error), error);
  }

  #found(error: ServiceError | null | undefined): string {
    if (error?.code === GRPC.UNIMPLEMENTED) return `no ${RUNTIME_SERVICE} (${error.details.slice(0, 200)})`;
    return error ? `gRPC status ${error.code}: ${error.details.slice(0, 200)}` : 'an empty answer';
  }

  #remedy(error: ServiceError | null | undefined): string {
    switch (error?.code) {
      case GRPC.UNIMPLEMENTED:
        return 'update to containerd 1.6 or CRI-O 1.23, whose CRI is v1, and enable the cri plugin of containerd';
      case GRPC.UNAVAILABLE:
        return `start ${this.#source}, or take it out of the configuration`;
      case GRPC.PERMISSION_DENIED:
        return 'run the agent as root, or as a user who may ask';
      case GRPC.RESOURCE_EXHAUSTED:
        return `answers of more than ${MAX_ANSWER_BYTES} bytes are not read; ask why so much is stored there`;
      default:
        return `see the log of ${this.#source}`;
    }
  }
}
