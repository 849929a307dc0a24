/** What lies in a journal and is none of its: left alone, and told in one line, however much of it there is. */
import type { Log } from '../../sdk/context.ts';

const MAX_NAMED = 3;

export class Aliens {
  readonly #log: Log;
  #names: string[] = [];
  #count = 0;
  #told = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Whether the newest look has found any. */
  get any(): boolean {
    return this.#told > 0;
  }

  /** Called for each one that a look at a directory finds. */
  add(name: string): void {
    this.#count++;
    if (this.#names.length < MAX_NAMED) this.#names.push(name);
  }

  /** The look is over. What an earlier one has told is not told again. */
  tell(directory: string, what: string): void {
    const [names, count] = [this.#names, this.#count];
    this.#names = [];
    this.#count = 0;
    if (count > this.#told) this.#log.warn(`left alone what is not ${what}`, { directory, count, names });
    this.#told = count;
  }
}
