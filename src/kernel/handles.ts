/**
 * What a collector holds of the kernel, in memory that outlives its worker.
 *
 *   slot 0      1        2        3       4..
 *   [state] [object*] [pinned] [links] [link*] …        BigInt64Array over a SharedArrayBuffer, one for each collector
 *
 * A worker writes each pointer here the moment libbpf hands it out, so a worker that dies in any line leaves nothing
 * that nobody knows of: its successor adopts the object and finds programs attached and the ring where it was, and the
 * supervisor frees it when the collector is stopped. Only one side touches the object at a time: the worker
 * while it lives, the supervisor after it has exited.
 *
 * `pinned` says that a complete set of pins holds maps and links too (pins.ts): letting go of them here then stops nothing.
 */
import type { Libbpf, Pointer } from './libbpf.ts';
import { closeFd } from './libc.ts';

export const MAX_LINKS = 61;
const STATE = 0;
const OBJECT = 1;
const PINNED = 2;
const LINKS = 3;
const FIRST_LINK = 4;

/** `opened`: libbpf was still loading it when the worker died, so it can only be closed. */
const STATES = ['empty', 'opened', 'loaded'] as const;
export type HandleState = (typeof STATES)[number];

export class Handles {
  readonly #slots: BigInt64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#slots = new BigInt64Array(shared);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer((FIRST_LINK + MAX_LINKS) * 8);
  }

  get state(): HandleState {
    return STATES[Number(Atomics.load(this.#slots, STATE))] ?? 'empty';
  }

  get object(): Pointer {
    return Atomics.load(this.#slots, OBJECT);
  }

  get links(): Pointer[] {
    const count = Number(Atomics.load(this.#slots, LINKS));
    return Array.from({ length: count }, (_, index) => Atomics.load(this.#slots, FIRST_LINK + index));
  }

  opened(object: Pointer): void {
    Atomics.store(this.#slots, OBJECT, object);
    Atomics.store(this.#slots, STATE, 1n);
  }

  loaded(): void {
    Atomics.store(this.#slots, STATE, 2n);
  }

  get pinned(): boolean {
    return Atomics.load(this.#slots, PINNED) === 1n;
  }

  set pinned(pinned: boolean) {
    Atomics.store(this.#slots, PINNED, pinned ? 1n : 0n);
  }

  /** The pointer is stored before the count, so a reader never sees a count that covers an empty slot. */
  addLink(link: Pointer): void {
    const count = Atomics.load(this.#slots, LINKS);
    Atomics.store(this.#slots, FIRST_LINK + Number(count), link);
    Atomics.store(this.#slots, LINKS, count + 1n);
  }

  /** Lets go of every link: programs are detached, unless the links are pinned. Maps and ring stay. */
  destroyLinks(api: Libbpf): void {
    // Counted down before each call: a crash in between leaks one link until the process ends, never frees one twice.
    for (const link of this.links.reverse()) {
      Atomics.sub(this.#slots, LINKS, 1n);
      if (this.pinned) releaseLink(api, link);
      else api.bpf_link__destroy(link);
    }
  }

  /** Lets go of everything; the slots are empty afterwards. What is pinned goes on without this process. */
  close(api: Libbpf): void {
    this.destroyLinks(api);
    this.pinned = false;
    const object = this.object;
    const held = this.state !== 'empty';
    Atomics.store(this.#slots, STATE, 0n);
    Atomics.store(this.#slots, OBJECT, 0n);
    if (held && object !== 0n) api.bpf_object__close(object);
  }
}

/**
 * Frees a link without detaching: to destroy the link of a perf event (`tp/…`) switches the event off, pinned or not. A
 * disconnected link keeps its fd open, so that is closed here; a perf event's own fd stays until the process ends.
 */
function releaseLink(api: Libbpf, link: Pointer): void {
  const fd = api.bpf_link__fd(link);
  api.bpf_link__disconnect(link);
  api.bpf_link__destroy(link);
  closeFd(fd);
}
