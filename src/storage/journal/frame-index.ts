/** Where frames of a file begin, so that a reader that comes back to its end need not pass over all of them again. Bounded: one of them in 64 KiB. */
import type { FramePlace } from './frames.ts';
import type { Identity } from './identity.ts';

const STEP_BYTES = 64 * 1024;

export class FrameIndex {
  readonly file: Identity;
  #places: { readonly at: number; readonly offset: number }[] = [];

  constructor(file: Identity) {
    this.file = file;
  }

  /** Notes a frame; those before the last one that was noted are known. */
  add({ at, offset }: FramePlace): void {
    if (at >= (this.#places.at(-1)?.at ?? 0) + STEP_BYTES) this.#places.push({ at, offset });
  }

  /** Place in the file from which on a frame with this offset is found. */
  before(offset: number): number {
    return this.#places.findLast((place) => place.offset <= offset)?.at ?? 0;
  }

  clear(): void {
    this.#places = [];
  }
}
