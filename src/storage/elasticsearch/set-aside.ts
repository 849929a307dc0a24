/** Documents of one tracer that are rejected for good: each goes to the dead letters once, also when its load is sent again. */
import { crc32 } from 'node:zlib';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';

export class SetAside {
  readonly #tracer: string;
  readonly #letters: DeadLetters;
  /** Those behind the cursor, with the end of their load: no more than there are in the loads on their way. */
  readonly #known = new Map<string, number>();

  constructor(tracer: string, letters: DeadLetters) {
    this.#tracer = tracer;
    this.#letters = letters;
  }

  /** @param end sequence number behind their load @returns how many were new @throws JOURNAL_FAILED */
  async add(letters: readonly DeadLetter[], end: number): Promise<number> {
    const added = letters.filter((letter) => !this.#known.has(keyOf(letter)));
    await this.#letters.add(this.#tracer, added);
    for (const letter of added) this.#known.set(keyOf(letter), end);
    return added.length;
  }

  /** What is before this number is delivered and will not be sent again. */
  settle(before: number): void {
    for (const [key, end] of this.#known) if (end <= before) this.#known.delete(key);
  }
}

function keyOf({ id, document }: DeadLetter): string {
  return id || `damaged ${crc32(document)} ${document.length}`;
}
