/** The first words of one page of a BPF map, mapped into this process. */
import koffi from 'koffi';
import type { Pointer } from './libbpf.ts';
import { MAP_SHARED, mmap, munmap, PAGE_BYTES } from './libc.ts';

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
