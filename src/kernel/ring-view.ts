/** The first words of one page of a BPF map, mapped into this process. */
import koffi from 'koffi';
import type { Pointer } from './libbpf.ts';
import { MAP_SHARED, mmap, munmap, PAGE_BYTES, PROT_READ } from './libc.ts';

export class MappedWords implements Disposable {
  /** A view: must not be used after dispose. */
  readonly words: BigUint64Array;
  readonly #page: Pointer;

  /**
   * @param fd may be closed afterwards, the mapping keeps the map alive
   * @param offset_bytes of the page
   * @param prot PROT_READ, PROT_WRITE
   * @throws MAP_FAILED
   */
  constructor(fd: number, offset_bytes: number, words: number, prot: number) {
    this.#page = mmap(0n, PAGE_BYTES, prot, MAP_SHARED, fd, offset_bytes);
    this.words = new BigUint64Array(koffi.view(this.#page, words * BigUint64Array.BYTES_PER_ELEMENT));
  }

  [Symbol.dispose](): void {
    munmap(this.#page, PAGE_BYTES);
  }
}

export class RingPositions implements Disposable {
  readonly #consumer: MappedWords;
  readonly #producer: MappedWords;
  readonly #mapped: DisposableStack;

  /**
   * @param ringFd map fd of the ring; may be closed afterwards, the mapping keeps the ring alive until dispose
   * @throws MAP_FAILED
   */
  constructor(ringFd: number) {
    using mapped = new DisposableStack();
    this.#consumer = mapped.use(new MappedWords(ringFd, 0, 1, PROT_READ));
    this.#producer = mapped.use(new MappedWords(ringFd, PAGE_BYTES, 1, PROT_READ));
    this.#mapped = mapped.move();
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
    this.#mapped[Symbol.dispose]();
  }
}
