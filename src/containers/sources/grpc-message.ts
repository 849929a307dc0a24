/** The framing of gRPC: a byte that says whether the message is compressed, its length in four, the message. */
import { GRPC, GrpcError } from './grpc-status.ts';

const HEAD_BYTES = 5;

/** The one message of a request. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The one message of an answer, put together from what comes. Holds no more than the message has, however it is cut. */
export class IncomingMessage {
  readonly #maxBytes: number;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #body: Buffer | undefined;
  /** Bytes so far, with the head. */
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws GrpcError when this is not the beginning of one plain message of at most `maxBytes` */
  add(chunk: Buffer): void {
    const inHead = chunk.copy(this.#head, Math.min(this.#bytes, HEAD_BYTES));
    this.#bytes += chunk.length;
    if (this.#bytes < HEAD_BYTES) return;
    // Not touched before it is filled: an announced length costs nothing.
    this.#body ??= Buffer.allocUnsafeSlow(this.#length());
    const before = this.#bytes - chunk.length + inHead - HEAD_BYTES;
    if (this.#bytes - HEAD_BYTES > this.#body.length)
      throw new GrpcError(GRPC.UNIMPLEMENTED, 'Too many responses received');
    chunk.copy(this.#body, before, inHead);
  }

  /** @throws GrpcError when there is none, or a part of it only */
  whole(): Buffer {
    if (this.#bytes === 0) throw new GrpcError(GRPC.UNIMPLEMENTED, 'No message received');
    if (this.#body === undefined || this.#bytes < HEAD_BYTES + this.#body.length)
      throw new GrpcError(GRPC.INTERNAL, `The answer ended after ${this.#bytes} bytes, within its message`);
    return this.#body;
  }

  #length(): number {
    const length = this.#head.readUInt32BE(1);
    if (length > this.#maxBytes)
      throw new GrpcError(
        GRPC.RESOURCE_EXHAUSTED,
        `Received message larger than max (${length} vs ${this.#maxBytes})`,
      );
    // No encoding is offered, so a server that compresses breaks the protocol.
    if (this.#head[0] !== 0) throw new GrpcError(GRPC.INTERNAL, 'Received a compressed message');
    return length;
  }
}
