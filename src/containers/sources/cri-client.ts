/** One connection to a CRI runtime, for the time of one list. */
import type { HuatuoError } from '../../error.ts';
import { MAX_ANSWER_BYTES, sourceFailed } from './answers.ts';
import { ANSWERS, type CriMethod, RUNTIME_SERVICE } from './cri-proto.ts';
import { GrpcChannel } from './grpc.ts';
import { GRPC, GrpcError } from './grpc-status.ts';
import { decode } from './protobuf.ts';

const EMPTY = new Uint8Array();

export class CriClient implements Disposable {
  readonly #channel: GrpcChannel;
  readonly #source: string;
  readonly #signal: AbortSignal;
  readonly #close = (): void => this.#channel[Symbol.dispose]();

  /**
   * Connects with the first call.
   * @param source for messages
   * @param signal ends every call
   */
  constructor(socket: string, source: string, signal: AbortSignal) {
    this.#channel = new GrpcChannel(socket, MAX_ANSWER_BYTES);
    this.#source = source;
    this.#signal = signal;
    if (signal.aborted) this.#close();
    else signal.addEventListener('abort', this.#close, { once: true });
  }

  /**
   * @param request the encoded message of the request
   * @returns the answer with the field names of api.proto, 64-bit integers as decimal text
   * @throws CONTAINER_SOURCE_FAILED, its cause is a `GrpcError` or the signal's reason
   */
  async call(name: CriMethod, request: Uint8Array = EMPTY): Promise<object> {
    try {
      return this.#decoded(name, await this.#channel.unary(`${RUNTIME_SERVICE}/${name}`, request));
    } catch (error) {
      throw this.#failed(name, error as GrpcError);
    }
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#close);
    this.#close();
  }

  #decoded(name: CriMethod, answer: Uint8Array): object {
    try {
      return decode(answer, ANSWERS[name]);
    } catch (error) {
      const { message } = error as Error;
      throw new GrpcError(GRPC.INTERNAL, `Response message parsing error: ${message}`, error);
    }
  }

  #failed(name: CriMethod, error: GrpcError): HuatuoError {
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
    const details = error.details.slice(0, 200);
    const found =
      error.code === GRPC.UNIMPLEMENTED
        ? `no ${RUNTIME_SERVICE} (${details})`
        : `gRPC status ${error.code}: ${details}`;
    return sourceFailed(this.#source, wanted, found, this.#remedy(error.code), error);
  }

  #remedy(code: number): string {
    switch (code) {
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
