/** What sources that ask over a connection have in common. */
import type { ContainerDetails, DetailSource, LeftOut } from '../details.ts';

export abstract class ClosableSource implements DetailSource {
  abstract readonly name: string;
  readonly place: string;
  leftOut: LeftOut | undefined;
  readonly #closed = new AbortController();

  constructor(place: string) {
    this.place = place;
  }

  abstract present(): boolean;
  abstract list(signal: AbortSignal): Promise<readonly ContainerDetails[]>;

  /** Aborts with the caller's signal, and when the source is closed. */
  protected until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closed.signal]);
  }

  /** Cuts lists under way; later ones are refused. */
  [Symbol.dispose](): void {
    this.#closed.abort(new Error('the source was closed'));
  }
}
