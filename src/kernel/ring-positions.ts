/** A ring's two positions, read from outside its collector: the supervisor's view, good while no worker runs. */
import koffi from 'koffi';
import type { Pointer } from './libbpf.ts';
import { MAP_SHARED, mmap, munmap, PAGE_BYTES, PROT_READ } from './libc.ts';

export class RingPositions implements Disposable {
  readonly #consumerPage: Pointer;
  readonly #producerPage: Pointer;
  readonly #consumer: BigUint64Array;
  readonly #producer: BigUint64Array;

  /** @param ringFd map fd of the ring; may be closed afterwards, the mapping keeps the ring alive until dispose */
  constructor(ringFd: number) {
    this.#consumerPage = mmap(0n, PAGE_BYTES, PROT_READ, MAP_SHARED, ringFd, 0);
    this.#producerPage = mmap(0n, PAGE_BYTES, PROT_READ, MAP_SHARED, ringFd, PAGE_BYTES);
    this.#consumer = new BigUint64Array(koffi.view(this.#consumerPage, 8));
    this.#producer = new BigUint64Array(koffi.view(this.#producerPage, 8));
  }

  /** Bytes since the ring was made up to which the reader has committed. */
  get consumer(): bigint {
    return this.#consumer[0]!;
  }

  /** Bytes since the ring was made that programs have reserved. */
  get producer(): bigint {
    return this.#producer[0]!;
  }

  /** Must be the last use: the views point nowhere afterwards. */
  [Symbol.dispose](): void {
    munmap(this.#consumerPage, PAGE_BYTES);
    munmap(this.#producerPage, PAGE_BYTES);
  }
}
