/**
 * The bytes of a page, of many small texts. A page in one string is a large object of V8's old generation, which each scrape would fill
 * anew; pieces of this size die young (`npm run bench -- --only scrape` has a page of 9 MB).
 */

/** With texts of 150 bytes of Latin-1, below what is a large object for V8 (128 KiB). */
const PIECE_TEXTS = 512;
const LEAST_BYTES = 4096;

export class PageBytes {
  #texts: (string | number)[] = [];
  #bytes: Buffer<ArrayBuffer>;
  #length = 0;

  /** @param expected_bytes saves copies where it is as much as the page becomes */
  constructor(expected_bytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, expected_bytes));
  }

  /** Adds a text, and mostly a value behind it. */
  add(text: string, value: string | number = ''): void {
    this.#texts.push(text, value);
    if (this.#texts.length >= PIECE_TEXTS) this.#flush();
  }

  /** @returns all of it, in UTF-8; nothing can be added any more */
  end(): Buffer<ArrayBuffer> {
    this.#flush();
    return this.#bytes.subarray(0, this.#length);
  }

  #flush(): void {
    const piece = this.#texts.join('');
    this.#texts = [];
    const end = this.#length + Buffer.byteLength(piece);
    if (end > this.#bytes.byteLength) {
      const larger = Buffer.allocUnsafeSlow(2 * end);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.write(piece, this.#length);
    this.#length = end;
  }
}
