/**
 * The kernel's half of a ring buffer, in the decoder's own memory: what the kernel would have mapped twice is
 * written twice.
 */
import type { Decoder } from '../../src/decoder/decoder.ts';

const HEADER_BYTES = 8;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

export class FakeRing {
  readonly #decoder: Decoder;
  readonly #data: Uint8Array;
  readonly #mask: bigint;
  producer: bigint;

  /** @param position where consumer, producer and reader begin */
  constructor(decoder: Decoder, position = 0n) {
    this.#decoder = decoder;
    const { data, dataAgain } = decoder.regions;
    this.#data = new Uint8Array(decoder.memory.buffer, data.offset, data.bytes + dataAgain.bytes);
    this.#mask = BigInt(decoder.ringBytes - 1);
    this.producer = position;
    this.#store(decoder.regions.consumer.offset, position);
    this.publish(position);
    decoder.readPosition = position;
  }

  get freeBytes(): number {
    return this.#decoder.ringBytes - Number(this.producer - this.#decoder.consumerPosition);
  }

  /** bpf_ringbuf_reserve: a BUSY header, and the producer position behind it. @returns where the record starts */
  reserve(payload: Uint8Array): bigint {
    const position = this.producer;
    this.writeHeader(position, payload.length, BUSY);
    payload.forEach((byte, i) => {
      this.#write(position + BigInt(HEADER_BYTES + i), byte);
    });
    this.publish(position + BigInt(strideOf(payload.length)));
    return position;
  }

  /** bpf_ringbuf_submit or bpf_ringbuf_discard. */
  finish(position: bigint, length: number, discard: boolean): void {
    this.writeHeader(position, length, discard ? DISCARD : 0);
  }

  submit(payload: Uint8Array): bigint {
    const position = this.reserve(payload);
    this.finish(position, payload.length, false);
    return position;
  }

  writeHeader(position: bigint, length: number, flags: number): void {
    const header = new Uint8Array(Uint32Array.of((length | flags) >>> 0, 0x1234).buffer);
    header.forEach((byte, i) => {
      this.#write(position + BigInt(i), byte);
    });
  }

  publish(producer: bigint): void {
    this.producer = producer;
    this.#store(this.#decoder.regions.producer.offset, producer);
  }

  #write(position: bigint, byte: number): void {
    const at = Number(position & this.#mask);
    this.#data[at] = byte;
    // Has no effect beyond the second mapping.
    this.#data[at + this.#decoder.ringBytes] = byte;
  }

  #store(offset: number, position: bigint): void {
    new BigUint64Array(this.#decoder.memory.buffer, offset, 1)[0] = position;
  }
}

/** Bytes of a record in the ring. */
export function strideOf(length: number): number {
  return Math.ceil((length + HEADER_BYTES) / 8) * 8;
}
