/** Documents of one tracer that are rejected for good: each goes to the dead letters once, also when its load is sent again. */
import { crc32 } from 'node:zlib';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';

export class SetAside {
  readonly #tracer: string;
  readonly #letters: DeadLetters;
  /** Those behind the cursor: no more than there are in the loads on their way. */
  readonly #known = new Set<string>();

  constructor(tracer: string, letters: DeadLetters) {
    this.#tracer = tracer;
    this.#letters = letters;
  }

  /** @returns how many were new @throws JOURNAL_FAILED */
  async add(letters: readonly DeadLetter[]): Promise<number> {
    const added = letters.filter((letter) => !this.#known.has(keyOf(letter)));
    await this.#letters.add(this.#tracer, added);
    for (const letter of added) this.#known.add(keyOf(letter));
    return added.length;
  }

  /** Everything that was sent is delivered: nothing will be sent again. */
  settle(): void {
    this.#known.clear();
  }
}

function keyOf({ id, document }: DeadLetter): string {
  return id || `damaged ${crc32(document)} ${document.length}`;
}
