/** A ring's two positions, read from outside its collector: the supervisor's view, good while no worker runs. */
import { PAGE_BYTES, PROT_READ } from './libc.ts';
import { MappedWords } from './mapped-words.ts';

export class RingPositions implements Disposable {
  readonly #consumer: MappedWords;
  readonly #producer: MappedWords;

  /** @param ringFd map fd of the ring; may be closed afterwards, the mapping keeps the ring alive until dispose */
  constructor(ringFd: number) {
    this.#consumer = new MappedWords(ringFd, 0, 1, PROT_READ);
    this.#producer = new MappedWords(ringFd, PAGE_BYTES, 1, PROT_READ);
  }

  /** Bytes since the ring was made up to which the reader has committed. */
  get consumer(): bigint {
    return Atomics.load(this.#consumer.words, 0);
  }

  /** Bytes since the ring was made that programs have reserved. */
  get producer(): bigint {
    return Atomics.load(this.#producer.words, 0);
  }

  /** Must be the last use: the views point nowhere afterwards. */
  [Symbol.dispose](): void {
    this.#consumer[Symbol.dispose]();
    this.#producer[Symbol.dispose]();
  }
}
