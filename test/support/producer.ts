/** Events at a steady pace from this process, for as long as a scenario holds it. */
import { rename } from './rename.ts';

export interface Pace {
  /** The fixture's name. */
  readonly collector: string;
  readonly events: number;
  readonly every_ms: number;
}

export class Producer implements Disposable {
  readonly #pace: Pace;
  readonly #timer: NodeJS.Timeout;
  #made = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
    this.#timer = setInterval(() => this.#make(), pace.every_ms);
  }

  /** Events that were asked for so far; while an agent has the programs attached, those that were produced. */
  get made(): number {
    return this.#made;
  }

  #make(): void {
    const { collector, events } = this.#pace;
    rename(`${collector}:${events}`);
    this.#made += events;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
