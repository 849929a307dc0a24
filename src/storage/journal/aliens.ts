/**
 * What lies in a journal and is none of its: left alone, and told in one line, however much of it there is. More of it is told
 * when it comes, too, but not more often than every ten minutes: a program may put files there and take them away again.
 */
import type { Log } from '../../sdk/context.ts';

const MAX_NAMED = 3;
const REST_MS = 10 * 60_000;

export class Aliens {
  readonly #log: Log;
  #names: string[] = [];
  #count = 0;
  #found = 0;
  #told = 0;
  #told_ms = Number.NEGATIVE_INFINITY;
  readonly #now_ms: () => number;

  /** @param now_ms monotonic clock in milliseconds; for tests */
  constructor(log: Log, now_ms: () => number = () => performance.now()) {
    this.#log = log;
    this.#now_ms = now_ms;
  }

  /** Whether the newest look has found any. */
  get any(): boolean {
    return this.#found > 0;
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
    this.#found = count;
    this.#told = Math.min(this.#told, count);
    if (count === this.#told || this.#now_ms() - this.#told_ms < REST_MS) return;
    this.#log.warn(`left alone what is not ${what}`, { directory, count, names });
    this.#told = count;
    this.#told_ms = this.#now_ms();
  }
}
