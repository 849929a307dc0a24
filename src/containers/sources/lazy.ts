/**
 * A source whose module is loaded when there is somebody to ask: HTTP, TLS, gRPC and the checks of their answers cost a thread
 * 5 to 15 MB, and most hosts have one engine or none.
 */
import type { ContainerDetails, DetailSource, LeftOut } from '../details.ts';

export interface LazyParts {
  readonly name: string;
  readonly place: string;
  readonly present: () => boolean;
  readonly open: () => Promise<DetailSource>;
}

export class LazySource implements DetailSource {
  readonly name: string;
  readonly place: string;
  readonly #present: () => boolean;
  readonly #open: () => Promise<DetailSource>;
  #source: DetailSource | undefined;
  #disposed = false;

  constructor({ name, place, present, open }: LazyParts) {
    this.name = name;
    this.place = place;
    this.#present = present;
    this.#open = open;
  }

  get leftOut(): LeftOut | undefined {
    return this.#source?.leftOut;
  }

  present(): boolean {
    return this.#present();
  }

  async list(signal: AbortSignal): Promise<readonly ContainerDetails[]> {
    this.#source ??= await this.#open();
    if (this.#disposed) this.#source[Symbol.dispose]();
    return this.#source.list(signal);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#source?.[Symbol.dispose]();
  }
}
